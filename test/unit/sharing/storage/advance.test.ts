import { SharingError } from '#sharing/errors.js';
import { advance, type Advance } from '#sharing/storage/advance.js';
import type { Ground, Room } from '#sharing/storage/room.js';
import { describe, expect, test } from 'vitest';

const disk: Ground = { device: 0n, self: () => Promise.resolve('/place') };

const none = (): number => 0;

/** A room of so many bytes that counts what is set aside, and notes what was asked for. */
function openSmallRoom(free: number): {
  aside: Advance;
  asked: number[];
  /** Bytes that are set aside, and of those that lie on the disk. */
  held: () => number;
  written: () => number;
} {
  const asked: number[] = [];
  let [held, written] = [0, 0];
  const room: Pick<Room, 'reserve'> = {
    async reserve(place, bytes) {
      expect(place).toBe(disk);
      asked.push(bytes);
      await Promise.resolve();
      if (held + written + bytes > free) throw new SharingError('no-room', `${bytes} bytes wanted`);
      let left = bytes;
      held += bytes;
      return {
        written(much) {
          expect(much).toBeLessThanOrEqual(left);
          left -= much;
          held -= much;
          written += much;
        },
        spare(much) {
          left -= much;
          held -= much;
        },
        undo: () => undefined,
        release() {
          held -= left;
          left = 0;
        },
      };
    },
  };
  const aside = advance(room as Room, () => Promise.resolve(disk));
  return { aside, asked, held: () => held, written: () => written };
}

describe('room that is set aside in advance', () => {
  test('is asked for with all that is expected, and then not for a while', async () => {
    const { aside, asked, held } = openSmallRoom(100);
    await aside.take(10, () => 30);
    await aside.take(20, none);
    await aside.take(10, none);
    expect(asked).toEqual([40]);
    await aside.take(1, none);
    expect(asked).toEqual([40, 1]);
    expect(held()).toBe(41);
  });

  test('when not all that is expected fits, this file may', async () => {
    const { aside, asked } = openSmallRoom(50);
    await aside.take(10, () => 1000);
    expect(asked).toEqual([1010, 10]);
    await expect(aside.take(41, none)).rejects.toMatchObject({ code: 'no-room' });
    // What did not fit has taken nothing.
    await aside.take(40, none);
  });

  test('what lies on the disk is counted by the disk, over several parts', async () => {
    const { aside, held, written } = openSmallRoom(100);
    await aside.take(10, none);
    await aside.take(20, none);
    aside.written(5);
    expect([held(), written()]).toEqual([25, 5]);
    aside.written(15);
    expect([held(), written()]).toEqual([10, 20]);
    aside.written(10);
    expect([held(), written()]).toEqual([0, 30]);
    // Nothing is left to give.
    aside.written(10);
    expect(written()).toBe(30);
  });

  test('what is not needed after all is given back at once, and counts as on no disk', async () => {
    const { aside, held, written } = openSmallRoom(100);
    await aside.take(10, none);
    await aside.take(20, none);
    aside.spare(15);
    expect([held(), written()]).toEqual([15, 0]);
    aside.written(15);
    expect([held(), written()]).toEqual([0, 15]);
  });

  test('what is left is given back at the end, once', async () => {
    const { aside, held } = openSmallRoom(100);
    await aside.take(10, () => 50);
    aside.written(10);
    aside.release();
    expect(held()).toBe(0);
    aside.release();
    aside.written(5);
    expect(held()).toBe(0);
  });

  test('an empty file takes none', async () => {
    const { aside, asked } = openSmallRoom(0);
    await aside.take(0, none);
    expect(asked).toEqual([]);
  });

  // Judging a row and comparing a file go on side by side, and both take. Whoever comes between the reserving of
  // the other and its taking has it for nothing.
  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])(
    'two that take at once, %i turns apart, have room for both',
    async (turns) => {
      const { aside, held } = openSmallRoom(100);
      const first = aside.take(10, none);
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      await Promise.all([first, aside.take(10, none)]);
      expect(held()).toBe(20);
    },
  );
});
