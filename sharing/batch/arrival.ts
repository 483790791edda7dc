import { after, type Soon } from '#sharing/soon.js';
import type { ArrivingFolder, ArrivingFolders } from '#sharing/batch/folders.js';
import type { SharingError } from '#sharing/errors.js';
import type { OfferedFile } from '#sharing/session/batch-receiving.js';
import type { LandingArea } from '#sharing/storage/area.js';
import type { SafeName } from '#sharing/storage/path.js';

/** A file of a batch that is to come, and where it comes to lie. */
export interface Arrival {
  readonly offered: OfferedFile;
  /** Undefined for a file at the top. */
  readonly folder: ArrivingFolder | undefined;
  /** Final name. */
  readonly name: SafeName;
  /** Bytes that are set aside for it. */
  reserved: number;
  /** Names here of what may be the same, of a small one. */
  alike?: readonly SafeName[];
  /** As its sender gave it, of a small one. */
  digest: Buffer | undefined;
}

/** True for a file that grows where nobody sees it, with its folder. */
export function isStaged({ folder }: Arrival): boolean {
  return folder?.top.staging !== undefined;
}

const nothing: readonly SafeName[] = [];

/** Names from the top's own down to the folder that the file lies in; none for a file at the top. */
export function namesAbove({ folder }: Arrival): readonly SafeName[] {
  return folder ? folder.names : nothing;
}

/** The folder of a file, held open. */
export interface Spot {
  /** The landing area, with that folder as its target. */
  readonly area: LandingArea;
  readonly release: () => void;
}

/** Where an arrival comes to lie; `area` is that of the receiving folder. */
export function spotOf(
  arrival: Arrival,
  area: () => Soon<LandingArea>,
  folders: ArrivingFolders,
): Soon<Spot> {
  const { folder } = arrival;
  return after(area(), (all) => {
    if (!folder) return { area: all, release: () => undefined };
    const below = isStaged(arrival) ? undefined : namesAbove(arrival);
    return after(folders.take(folder), (lease) => ({
      area: { ...all, target: lease.folder, below },
      release: () => {
        lease.release();
      },
    }));
  });
}

/** What ends all of a batch: no file after this one would fare better. */
export function endsAll({ code }: SharingError): boolean {
  return ['no-room', 'over-quota', 'folder-gone', 'landing-not-private'].includes(code);
}
