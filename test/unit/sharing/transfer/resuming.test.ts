import { openLandingArea } from '#sharing/storage/area.js';
import { digestOf } from '#sharing/storage/digest.js';
import { openFolder } from '#sharing/storage/folder.js';
import { openLanding, type Expected } from '#sharing/storage/landing.js';
import { safeName } from '#sharing/storage/path.js';
import { openRoom } from '#sharing/storage/room.js';
import { compareWithSource, missingBut } from '#sharing/transfer/resuming.js';
import { chunkSize } from '#sharing/wire/frame.js';
import { maxRanges } from '#sharing/wire/message.js';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

describe('what is missing', () => {
  test.each<[string, number[], [number, number][]]>([
    ['of an empty file', [], []],
    ['when all is here', [1, 1], []],
    ['when nothing is here', [0, 0, 0], [[0, 3]]],
    [
      'at both ends',
      [0, 1, 1, 0, 0],
      [
        [0, 1],
        [3, 5],
      ],
    ],
    ['in the middle', [1, 0, 1], [[1, 2]]],
  ])('%s', (_, here, ranges) => {
    const missing = missingBut(Uint8Array.from(here));
    expect(missing.ranges).toEqual(ranges);
    expect([...missing.chunks]).toEqual(here.map((one) => 1 - one));
  });

  test('in more places than one want holds takes with it what lies between the last of them', () => {
    const here = Uint8Array.from({ length: 2100 }, (_, chunk) => chunk % 2);
    const { chunks, ranges } = missingBut(here);
    expect(ranges).toHaveLength(maxRanges);
    expect(ranges.slice(0, 2)).toEqual([
      [0, 1],
      [2, 3],
    ]);
    expect(ranges.at(-1)).toEqual([2 * (maxRanges - 1), 2099]);
    expect(chunks.filter((one) => one === 1)).toHaveLength(maxRanges - 1 + 101);
  });
});

test('a chunk that is good, and comes again all the same, lands once', async () => {
  await using target = await openFolder(await temporaryFolder());
  await using area = await openLandingArea(target);
  const room = openRoom({ keepFree: 0, maxFileSize: 2 ** 40 });
  const bytes = Buffer.alloc(chunkSize, 5);
  const digest = digestOf('blake3', bytes);
  const size = 3 * chunkSize;
  const expected: Expected = {
    name: safeName('a.bin'),
    size,
    mtime: 0,
    algorithm: 'blake3',
    policy: 'number',
    peer: 'PEER',
    tag: 'a'.repeat(32),
  };
  const before = await openLanding(area, room, expected);
  for (const chunk of [0, 1]) await before.write(chunk, bytes, digest);
  await before.leave(true);
  const landing = await openLanding(area, room, { ...expected, tag: 'b'.repeat(32) });
  const comparison = compareWithSource(landing, size);
  await comparison.compare(Buffer.concat([digest, digest, digest]));
  expect([...(comparison.good() ?? [])]).toEqual([1, 1, 0]);
  await landing.retag(Uint8Array.of(1, 0, 0));
  for (const chunk of [1, 2]) await landing.write(chunk, bytes, digest);
  expect(await landing.publish()).toMatchObject({ as: 'a.bin', size });
});
