import { openDesk, type DeskOptions, type ShownCode } from '#sharing/dialogue/desk.js';
import { openHouse, type HostingOptions, type SessionLimits } from '#sharing/dialogue/hosting.js';
import { openLedger, type Standing } from '#sharing/dialogue/ledger.js';
import { readKnownPeers } from '#sharing/identity/known.js';
import { mustBeApart } from '#sharing/identity/state.js';
import { lazyArea } from '#sharing/storage/area.js';
import { openChild, type Folder } from '#sharing/storage/folder.js';
import { isSafeName } from '#sharing/storage/path.js';
import { sweep } from '#sharing/storage/sweep.js';
import { openSharedRoom, type SharedRoomLimits } from '#sharing/storage/room.js';
import { openShare, type Share } from '#sharing/storage/share.js';
import { readingFrom } from '#sharing/errors.js';
import type { Observe } from '#sharing/events.js';
import { listen } from '#sharing/transport/listen.js';
import type { LobbyLimits } from '#sharing/transport/lobby.js';
import { lstat, readdir } from 'node:fs/promises';

/** Everything that bounds a server; bytes and milliseconds. */
export interface ServerLimits extends SessionLimits, SharedRoomLimits, LobbyLimits {
  readonly firstByteTime: number;
  readonly handshakeTime: number;
}

export interface ServerOptions extends DeskOptions, HostingOptions {
  readonly limits: ServerLimits;
  /** The folder that is shared. */
  readonly folder: string;
  /** Tried in this order. */
  readonly ports: readonly number[];
}

export type { ServingMode } from '#sharing/session/admission.js';
export type { ClientStanding, Standing, TransferStanding } from '#sharing/dialogue/ledger.js';
export type { ShownCode } from '#sharing/dialogue/desk.js';

export interface SharingServer extends AsyncDisposable {
  readonly port: number;
  /** Takes no more clients, and resolves when what is under way has ended, or after 10 s. */
  windDown(): Promise<void>;
  /** Who is there now, what moves, and what did since it began. */
  standing(): Standing;
  /** A new code, good for `uses` devices; the one before is void. */
  newCode(uses: number): ShownCode;
}

/**
 * Shares a folder until it is disposed. Throws SharingError `folder-missing`, `folder-overlaps-state`,
 * `no-permission`, `state-not-private`, `state-damaged`, `port-taken` or `port-refused`.
 */
export async function startServer(options: ServerOptions): Promise<SharingServer> {
  const { device } = options;
  await mustBeApart(device.stateFolder, options.folder);
  // A list that is damaged must be seen now, not by the first client.
  await readKnownPeers(device.stateFolder);
  const share = await openShare(options.folder, device.tagKey);
  try {
    await readingFrom(() => sweepShare(share, options));
    return await open(options, share);
  } catch (error) {
    await share[Symbol.asyncDispose]();
    throw error;
  }
}

async function open(options: ServerOptions, share: Share): Promise<SharingServer> {
  const { device, limits, ports, now } = options;
  const ledger = openLedger(now, () => performance.now());
  const observe: Observe = (event) => {
    ledger.note(event);
    options.observe(event);
  };
  const followed = { ...options, observe };
  const desk = openDesk(followed);
  const house = openHouse(followed, share, openSharedRoom(limits), desk, ledger);
  const { receive: onClient } = house;
  const listener = await listen({ ...limits, ports, device, observe, onClient }).catch(
    async (error: unknown) => {
      await house[Symbol.asyncDispose]();
      throw error;
    },
  );
  observe({ event: 'listening', port: listener.port });

  return {
    port: listener.port,
    standing: () => ledger.read(),
    newCode: desk.newCode,
    async windDown() {
      listener.shut();
      await house.windDown();
    },
    async [Symbol.asyncDispose]() {
      // Nobody new comes while those who are here are told goodbye.
      listener.shut();
      await house[Symbol.asyncDispose]();
      await listener[Symbol.asyncDispose]();
      await share[Symbol.asyncDispose]();
    },
  };
}

/** Removes what crashes left in a share; a share that never received anything is not touched. */
async function sweepShare({ root }: Share, { mode, now, observe }: ServerOptions): Promise<void> {
  let count = await sweepFolder(root, now());
  if (mode === 'inbox') {
    for (const name of await readdir(await root.self())) {
      if (!isSafeName(name)) continue;
      const folder = await openChild(root, name).catch(() => undefined);
      if (folder) count += await sweepFolder(folder, now());
      await folder?.[Symbol.asyncDispose]();
    }
  }
  if (count > 0) observe({ event: 'partials-removed', count });
}

async function sweepFolder(folder: Folder, now: number): Promise<number> {
  const before = await lstat(await folder.at('.lanpost')).catch(() => undefined);
  if (!before) return 0;
  await using landing = lazyArea(() => Promise.resolve(folder), false);
  // A landing area that is not private refuses each put with its reason; reading goes on.
  const area = await landing.open().catch(() => undefined);
  if (!area) return 0;
  return await sweep(area, now);
}
