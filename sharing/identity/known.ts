import { SharingError } from '#sharing/errors.js';
import { isId } from '#sharing/id.js';
import { lock } from '#sharing/identity/lock.js';
import { readPrivate, statePlaces, writePrivate } from '#sharing/identity/state.js';
import { z } from 'zod';

const id = z.string().refine(isId, 'not an id');
const since = z.iso.datetime();

const peerSchema = z.strictObject({
  id,
  /** Chosen on this machine. */
  name: z.string().min(1).max(64),
  /** What the peer may do on this machine's share; none is fine. */
  rights: z.array(z.enum(['read', 'write', 'replace'])),
  /** How its key became known. */
  how: z.enum(['code', 'id']),
  since,
});

/** An open server's key as it was at first sight: `place` is `host:port`. */
const pinSchema = z.strictObject({ place: z.string().min(1).max(300), id, since });

const fileSchema = z.strictObject({
  version: z.literal(1),
  peers: z.array(peerSchema),
  pins: z.array(pinSchema),
});

export type KnownPeer = Readonly<z.infer<typeof peerSchema>>;

/** Whom this device knows, at one moment. */
export interface KnownPeers {
  readonly peers: readonly KnownPeer[];
  /** The id that an open server at `place` showed first. */
  pinned(place: string): string | undefined;
  byId(id: string): KnownPeer | undefined;
  byName(name: string): KnownPeer | undefined;
}

type KnownFile = z.infer<typeof fileSchema>;

/**
 * Reads the known peers. Throws SharingError `state-not-private`, or `state-damaged`: a damaged list is
 * never taken for an empty one.
 */
export async function readKnownPeers(stateFolder: string): Promise<KnownPeers> {
  const { peers, pins } = await readFileOf(stateFolder);
  return {
    peers,
    pinned: (place) => pins.find((pin) => pin.place === place)?.id,
    byId: (wanted) => peers.find((peer) => peer.id === wanted),
    byName: (name) => peers.find((peer) => peer.name === name),
  };
}

/** Remembers an open server's key. `now` is the time of the pin. Throws what `readKnownPeers` throws. */
export async function pinServer(
  stateFolder: string,
  place: string,
  serverId: string,
  now: Date,
): Promise<void> {
  await change(stateFolder, (file) => {
    const pins = file.pins.filter((pin) => pin.place !== place);
    return { ...file, pins: [...pins, { place, id: serverId, since: now.toISOString() }] };
  });
}

async function readFileOf(stateFolder: string): Promise<KnownFile> {
  const place = statePlaces(stateFolder).peers;
  const text = await readPrivate(place);
  if (text === undefined) return { version: 1, peers: [], pins: [] };
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new SharingError('state-damaged', `${place} cannot be read`, { path: place }, error);
  }
}

/** Reads, changes and replaces the file while no other process does. */
async function change(stateFolder: string, edit: (file: KnownFile) => KnownFile): Promise<void> {
  const place = statePlaces(stateFolder).peers;
  await using _lock = await lock(`${place}.lock`);
  await writePrivate(place, `${JSON.stringify(edit(await readFileOf(stateFolder)), null, 2)}\n`);
}
