import { expect, onTestFinished, test, vi } from 'vitest';
import { openLandingArea } from '#sharing/storage/area.js';
import { digestOf } from '#sharing/storage/digest.js';
import { openFolder } from '#sharing/storage/folder.js';
import { safeName } from '#sharing/storage/path.js';
import { openRoom } from '#sharing/storage/room.js';
import { startReceiving, type Receiving } from '#sharing/transfer/receive.js';
import { speak } from '#sharing/transport/connection.js';
import type * as Landings from '#sharing/storage/landing.js';
import { chunkSize } from '#sharing/wire/frame.js';
import { socketPair } from '../../../support/socket-pair.js';
import { temporaryFolder } from '../../../support/temporary.js';

/** Opens when a chunk may be written: no disk of this machine is slow at the right moment. */
const written = vi.hoisted(() => new Map<number, Promise<void>>());

vi.mock('#sharing/storage/landing.js', async (original) => {
  const landings = await original<typeof Landings>();
  return {
    ...landings,
    openLanding: async (...options: Parameters<typeof landings.openLanding>) => {
      const landing = await landings.openLanding(...options);
      return {
        ...landing,
        async write(chunk: number, bytes: Buffer, digest: Buffer) {
          await written.get(chunk);
          await landing.write(chunk, bytes, digest);
        },
      };
    },
  };
});

/** Holds the writes of a chunk back; gives what lets them go. */
function holdBack(chunk: number): () => void {
  let letGo = (): void => undefined;
  written.set(
    chunk,
    new Promise((resolve) => {
      letGo = resolve;
    }),
  );
  return letGo;
}

/** A receiver that wants so many chunks, and whose sender is the test. */
async function receivingChunks(chunks: number, stallTime = 20_000): Promise<Receiving> {
  const target = await openFolder(await temporaryFolder());
  const area = await openLandingArea(target);
  const silence = { heartbeat: 15_000, idle: 35_000 };
  const [near, far] = socketPair();
  const [receiver, sender] = [speak(near, silence), speak(far, silence)];
  const said: string[] = [];
  sender.receive(({ t }) => {
    said.push(t);
    return undefined;
  });
  const receiving = startReceiving(receiver, {
    id: 1,
    file: 0,
    algorithm: 'blake3',
    stallTime,
    area: () => Promise.resolve(area),
    room: openRoom({ keepFree: 0, maxFileSize: 2 ** 40 }),
    name: safeName('new_a.bin'),
    policy: 'number',
    size: chunks * chunkSize,
    mtime: 0,
    tag: 'a'.repeat(32),
    peer: 'PEER',
  });
  receiving.outcome.catch(() => undefined);
  onTestFinished(async () => {
    for (const one of [receiver, sender]) await one[Symbol.asyncDispose]();
    await Promise.allSettled([receiving.outcome]);
    for (const one of [area, target]) await one[Symbol.asyncDispose]();
  });
  await expect.poll(() => said.includes('want'), { interval: 1 }).toBe(true);
  return receiving;
}

const bytes = Buffer.alloc(chunkSize, 5);
const digest = digestOf('blake3', bytes);
const opening = (chunk: number) => ({ id: 1, file: 0, chunk, length: chunkSize, digest });

test('a chunk that a late lane brings whole, while it is taken over from another, breaks nothing off', async () => {
  const receiving = await receivingChunks(4);
  const writeFirst = holdBack(0);
  const writeSecond = holdBack(1);
  const own = receiving.intake();
  const [lost, late] = [receiving.intake(() => undefined), receiving.intake(() => undefined)];
  await lost.chunk(opening(0));
  lost.data(bytes);
  await lost.chunk(opening(1));
  lost.data(bytes.subarray(chunkSize / 2));
  const takingOver = own.chunk(opening(1));
  await new Promise(setImmediate);
  await late.chunk(opening(1));
  late.data(bytes);
  writeFirst();
  await new Promise(setImmediate);
  writeSecond();
  await takingOver;
  own.data(bytes);
  await own.chunk(opening(2));
  own.data(bytes);
  await own.chunk(opening(3));
  own.data(bytes);
  void receiving.tell({ t: 'end', id: 1, file: 0 });
  expect(await receiving.outcome).toMatchObject({ kind: 'received' });
});

test('a sender that waits until all has landed does not stall while our disk is slow', async () => {
  const receiving = await receivingChunks(2, 200);
  const write = holdBack(1);
  const own = receiving.intake();
  for (const chunk of [0, 1]) {
    await own.chunk(opening(chunk));
    own.data(bytes);
  }
  await new Promise((resolve) => setTimeout(resolve, 600));
  write();
  await new Promise(setImmediate);
  void receiving.tell({ t: 'end', id: 1, file: 0 });
  expect(await receiving.outcome).toMatchObject({ kind: 'received' });
});
