import { SharingError, writingTo } from '#sharing/errors.js';
import { isId } from '#sharing/id.js';
import { lock } from '#sharing/storage/lock.js';
import { openState, readPrivate, statePlaces, writePrivate } from '#sharing/identity/state.js';
import type { Right } from '#sharing/wire/message.js';
import { z } from 'zod/mini';

const id = z.string().check(z.refine(isId));
const since = z.iso.datetime();

const peerSchema = z.strictObject({
  id,
  /** Chosen on this machine. */
  name: z.string().check(z.minLength(1), z.maxLength(64)),
  /** What the peer may do on this machine's share; none is fine. */
  rights: z.array(z.enum(['read', 'write', 'replace'])),
  /** How its key became known. */
  how: z.enum(['code', 'id']),
  since,
});

/** An open server's key as it was at first sight: `place` is `host:port`. */
const pinSchema = z.strictObject({
  place: z.string().check(z.minLength(1), z.maxLength(300)),
  id,
  since,
});

const fileSchema = z.strictObject({
  version: z.literal(1),
  peers: z.array(peerSchema),
  pins: z.array(pinSchema),
});

export type KnownPeer = Readonly<z.infer<typeof peerSchema>>;
export type Pin = Readonly<z.infer<typeof pinSchema>>;

/** Whom this device knows, at one moment. */
export interface KnownPeers {
  readonly peers: readonly KnownPeer[];
  readonly pins: readonly Pin[];
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
    pins,
    pinned: (place) => pins.find((pin) => pin.place === place)?.id,
    byId: (wanted) => peers.find((peer) => peer.id === wanted),
    byName: (name) => peers.find((peer) => peer.name === name),
  };
}

/** Remembers an open server's key. `now` is the time of the pin. Throws what `change` throws. */
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

/** Forgets the key that an open server showed at `place`; the next one is taken as new. */
export async function forgetPin(stateFolder: string, place: string): Promise<void> {
  await change(stateFolder, (file) => ({
    ...file,
    pins: file.pins.filter((pin) => pin.place !== place),
  }));
}

/** A peer as it becomes known; its name is cleaned, and numbered when another peer has it. */
export interface NewPeer {
  readonly id: string;
  readonly name: string;
  readonly rights: readonly Right[];
  readonly how: 'code' | 'id';
}

/**
 * Remembers a peer; one that is known already keeps its name and gets `rights` besides those it has. Gives the peer
 * as it is now. Throws what `change` throws.
 */
export async function addPeer(stateFolder: string, added: NewPeer, now: Date): Promise<KnownPeer> {
  let result: KnownPeer | undefined;
  await change(stateFolder, (file) => {
    const before = file.peers.find((peer) => peer.id === added.id);
    const others = file.peers.filter((peer) => peer.id !== added.id);
    const rights = [...new Set([...(before?.rights ?? []), ...added.rights])];
    const name = before?.name ?? freeName(added.name, others);
    const since = before?.since ?? now.toISOString();
    const peer = { id: added.id, name, rights, how: added.how, since };
    result = peer;
    // Its key is known now, so no place needs a pin for it.
    return {
      ...file,
      peers: [...others, peer],
      pins: file.pins.filter((pin) => pin.id !== added.id),
    };
  });
  if (!result) throw new SharingError('internal', 'nothing was added');
  return result;
}

/**
 * Changes, or with undefined forgets, the peer with this id. Throws SharingError `unknown-peer` when there is none,
 * `name-taken` when another has the new name, and what `change` throws.
 */
export async function changePeer(
  stateFolder: string,
  peerId: string,
  edit: Partial<Pick<KnownPeer, 'name' | 'rights'>> | undefined,
): Promise<void> {
  await change(stateFolder, (file) => {
    const peer = file.peers.find((one) => one.id === peerId);
    if (!peer) throw new SharingError('unknown-peer', 'no such peer');
    const others = file.peers.filter((one) => one !== peer);
    if (!edit) return { ...file, peers: others };
    const name = edit.name === undefined ? peer.name : cleanPeerName(edit.name);
    if (others.some((one) => one.name === name)) {
      throw new SharingError('name-taken', `another peer is called ${name}`);
    }
    const changed = { ...peer, ...edit, name };
    return { ...file, peers: file.peers.map((one) => (one === peer ? changed : one)) };
  });
}

/** A name for a person to type: what could deceive or disturb is left out. */
function cleanPeerName(name: string): string {
  const clean = name
    .normalize('NFC')
    .replace(/[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
  return Array.from(clean).slice(0, 60).join('').trim() || 'unnamed';
}

function freeName(name: string, others: readonly KnownPeer[]): string {
  const clean = cleanPeerName(name);
  const taken = new Set(others.map((peer) => peer.name));
  for (let n = 2; ; n += 1) {
    const one = n === 2 ? clean : `${clean} ${n - 1}`;
    if (!taken.has(one)) return one;
  }
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

/**
 * Reads, changes and replaces the file while no other process does. Throws SharingError `state-unwritable`,
 * `no-room` or `state-busy`, and what `readKnownPeers` throws.
 */
async function change(stateFolder: string, edit: (file: KnownFile) => KnownFile): Promise<void> {
  const place = statePlaces(stateFolder).peers;
  await openState(stateFolder);
  await writingTo(place, 'state-unwritable', async () => {
    await using _lock = await lock(`${place}.lock`);
    // What could not be read again must not be written.
    const file = fileSchema.parse(edit(await readFileOf(stateFolder)));
    await writePrivate(place, `${JSON.stringify(file, null, 2)}\n`);
  });
}
