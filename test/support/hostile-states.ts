import { digestOf } from '#sharing/storage/digest.js';
import {
  chunkFrame,
  dialHostile,
  digestsFrame,
  enter,
  frame,
  saying,
  type HostilePeer,
} from './hostile-peer.js';
import type { ServedShare } from './served-share.js';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const mebibyte = 1024 * 1024;
export const tag = 'a'.repeat(32);
/** What a hostile client puts, in one chunk. */
export const content = Buffer.from('attack at dawn\n');
export const contentDigest = digestOf('blake3', content);

/** An offer of `content`, or of anything else, as request 1. */
export function offer(
  name = 'dawn.txt',
  size: unknown = content.length,
  more: Readonly<Record<string, unknown>> = {},
): object {
  return {
    t: 'offer',
    id: 1,
    files: [[name, size, 1_700_000_000_000_000, tag]],
    more: false,
    ...more,
  };
}

export const wholeChunk = Buffer.concat([
  chunkFrame({ length: content.length, digest: contentDigest }),
  frame(3, content),
]);
const end = saying({ t: 'end', id: 1, file: 0 });
const wantAll = { t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false };

/** What the states need in the share: a large file and one that an offer is compared with. */
export async function furnish({ folder }: ServedShare): Promise<void> {
  const large = await open(join(folder, 'large.bin'), 'w');
  await large.truncate(40 * mebibyte);
  await large.close();
  await writeFile(join(folder, 'new_twin.bin'), Buffer.alloc(2 * mebibyte, 1));
}

/** A moment of a session, as the server sees it, and what it may hear then. */
export interface State {
  readonly name: string;
  /** Message kinds and frames that are legal here, or dropped; all others must end the session. */
  readonly legal: readonly string[];
  /** Brings a session there; request 1 is the one under way. The last write may be given as bytes. */
  readonly reach: (served: ServedShare) => Reached;
}

type Reached = Promise<{ peer: HostilePeer; then?: Buffer }>;

const always = ['ping', 'pong', 'bye', 'list', 'get', 'offer', 'new-code', 'shutdown', 'unknown'];

async function inside(served: ServedShare): Promise<HostilePeer> {
  return enter(served.port, served.parties.peer);
}

async function getting(served: ServedShare, path: string): Promise<HostilePeer> {
  const peer = await inside(served);
  peer.say({ t: 'get', id: 1, path });
  await peer.hear('offer');
  return peer;
}

async function putting(served: ServedShare, offered: object): Promise<HostilePeer> {
  const peer = await inside(served);
  peer.say(offered);
  await peer.hear('want');
  return peer;
}

export const states: readonly State[] = [
  {
    name: 'before hello',
    legal: ['ping', 'pong', 'hello'],
    reach: async ({ port, parties }: ServedShare): Reached => ({
      peer: await dialHostile(port, parties.peer),
    }),
  },
  {
    name: 'ready',
    legal: always,
    reach: async (served: ServedShare): Reached => ({ peer: await inside(served) }),
  },
  {
    name: 'offered to us',
    legal: [...always, 'want', 'fail'],
    reach: async (served: ServedShare): Reached => ({ peer: await getting(served, 'large.bin') }),
  },
  {
    name: 'digests on the way to us',
    legal: [...always, 'want', 'fail'],
    reach: async (served: ServedShare): Reached => {
      const peer = await getting(served, 'plain.txt');
      peer.say({ ...wantAll, files: [{ want: 'digests', file: 0 }] });
      await peer.hear('digests');
      return { peer };
    },
  },
  {
    name: 'chunks on the way to us',
    legal: [...always, 'fail', 'got'],
    reach: async (served: ServedShare): Reached => {
      const peer = await getting(served, 'large.bin');
      peer.say(wantAll);
      await peer.hear('chunk');
      return { peer };
    },
  },
  {
    name: 'all sent to us, nothing confirmed',
    legal: [...always, 'fail', 'got'],
    reach: async (served: ServedShare): Reached => {
      const peer = await getting(served, 'plain.txt');
      peer.say(wantAll);
      await peer.hear('end');
      return { peer };
    },
  },
  {
    name: 'all sent to us and confirmed',
    legal: [...always, 'fail', 'receipt'],
    reach: async (served: ServedShare): Reached => {
      const peer = await getting(served, 'plain.txt');
      peer.say(wantAll);
      await peer.hear('end');
      peer.say({ t: 'got', id: 1, file: 0, chunk: 0 });
      return { peer };
    },
  },
  {
    name: 'request 1 was answered',
    legal: [...always, 'want', 'got', 'receipt', 'fail', 'end'],
    reach: async (served: ServedShare): Reached => {
      const peer = await inside(served);
      peer.say({ t: 'get', id: 1, path: 'missing.txt' });
      await peer.hear('error');
      return { peer };
    },
  },
  {
    name: 'comparing our digests',
    legal: [...always, 'fail', 'digests'],
    reach: async (served: ServedShare): Reached => ({
      peer: await putting(served, offer('twin.bin', 2 * mebibyte)),
    }),
  },
  {
    name: 'waiting for our chunks',
    legal: [...always, 'fail', 'chunk'],
    reach: async (served: ServedShare): Reached => ({ peer: await putting(served, offer()) }),
  },
  {
    name: 'in the middle of our chunk',
    legal: [...always, 'fail', 'data'],
    reach: async (served: ServedShare): Reached => {
      const peer = await putting(served, offer('dawn.bin', 2 * mebibyte));
      peer.raw(chunkFrame({ length: mebibyte }), frame(3, Buffer.alloc(1000)));
      return { peer };
    },
  },
  {
    name: 'between our end and the receipt',
    legal: [...always, 'fail'],
    reach: async (served: ServedShare): Reached => {
      const peer = await putting(served, offer(`dawn-${Math.random()}.txt`));
      return { peer, then: Buffer.concat([wholeChunk, end]) };
    },
  },
  {
    name: 'after a chunk that was refused',
    legal: [...always, 'fail', 'end', 'chunk', 'digests'],
    reach: async (served: ServedShare): Reached => {
      const peer = await putting(served, offer());
      peer.raw(chunkFrame({ length: content.length }), frame(3, content));
      await peer.hear('fail');
      return { peer };
    },
  },
];

/** One of each kind, all about request 1 or, for new requests, about request 2. */
export const inputs: Readonly<Record<string, Buffer>> = {
  hello: saying({
    t: 'hello',
    v: 1,
    features: [],
    digests: ['blake3'],
    purpose: 'control',
    name: 'x',
  }),
  welcome: saying({
    t: 'welcome',
    v: 1,
    features: [],
    digest: 'blake3',
    as: 'owner',
    rights: ['replace'],
    name: 'x',
  }),
  pair: saying({ t: 'pair', name: 'x' }),
  share: saying({ t: 'share', share: 'e2'.padEnd(64, '0') }),
  proof: saying({ t: 'proof', proof: '0'.repeat(128) }),
  'new-code': saying({ t: 'new-code', id: 2, uses: 1 }),
  code: saying({ t: 'code', id: 1, code: 'K7QF-3M2X', expires: 0, voids: 0 }),
  shutdown: saying({ t: 'shutdown', id: 2 }),
  denied: saying({ t: 'denied', code: 'no-right', message: '' }),
  list: saying({ t: 'list', id: 2, path: '' }),
  entries: saying({ t: 'entries', id: 1, rows: [], more: false }),
  get: saying({ t: 'get', id: 2, path: 'missing.txt' }),
  offer: saying({ ...offer('second.txt'), id: 2 }),
  want: saying(wantAll),
  got: saying({ t: 'got', id: 1, file: 0, chunk: 0 }),
  end,
  receipt: saying({
    t: 'receipt',
    id: 1,
    file: 0,
    as: 'x',
    size: 1,
    digest: `blake3:${'0'.repeat(64)}`,
  }),
  fail: saying({ t: 'fail', id: 1, file: 0, code: 'cancelled', message: '' }),
  error: saying({ t: 'error', id: 1, code: 'internal', message: '' }),
  ping: saying({ t: 'ping', n: 1 }),
  pong: saying({ t: 'pong', n: 1 }),
  bye: saying({ t: 'bye' }),
  unknown: saying({ t: 'sing', id: 2 }),
  chunk: chunkFrame({ length: content.length, digest: contentDigest }),
  data: frame(3, Buffer.from('x')),
  digests: digestsFrame(1, 0, 0, Buffer.alloc(32)),
};
