import { SharingError } from '#sharing/errors.js';
import { digestOf } from '#sharing/storage/digest.js';
import { speak, type Connection } from '#sharing/transport/connection.js';
import { roadOver, type Road } from '#sharing/transport/lane.js';
import { packedHeaderLength } from '#sharing/wire/frame.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { socketPair } from '../../../support/socket-pair.js';

const silence = { heartbeat: 15_000, idle: 35_000 };

function connected(): readonly [Connection, Connection] {
  const [near, far] = socketPair();
  const ends = [speak(near, silence), speak(far, silence)] as const;
  onTestFinished(async () => {
    for (const end of ends) await end[Symbol.asyncDispose]();
  });
  return ends;
}

describe('a road that ended with its lane', () => {
  const bytes = Buffer.alloc(100, 1);
  const digest = digestOf('blake3', bytes);
  const header = { id: 1, file: 0, chunk: 0, length: bytes.length, digest };
  const moved = (): void => undefined;

  const sends: readonly [string, (road: Road) => Promise<void>][] = [
    [
      'a chunk',
      (road) => road.carrier().sendWhole(header, Buffer.alloc(packedHeaderLength + 100), moved),
    ],
    ['packed chunks', (road) => road.sendPacked(bytes, moved)],
    [
      'digests',
      (road) => road.sendDigests({ id: 1, file: 0, first: 0, digests: Buffer.alloc(32) }),
    ],
  ];

  // Its sender may just have read something: the other end of the session knows nothing of the transfer any more.
  test.each(sends)('sends %s over the session no more', async (_what, send) => {
    const [control, peer] = connected();
    const [lane, laneEnd] = connected();
    const came: string[] = [];
    peer.receive(({ t }) => {
      came.push(t);
      return undefined;
    });
    laneEnd.receive(() => undefined);
    const road = roadOver(control);
    road.attach(lane);
    lane.close(new SharingError('connection-lost', 'cut'));
    await lane.closed;
    await expect(send(road)).rejects.toMatchObject({ code: 'connection-lost' });
    control.send({ t: 'bye' });
    await expect.poll(() => came).toEqual(['bye']);
  });
});
