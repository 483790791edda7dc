import { backgroundSync } from '#sharing/storage/background-sync.js';
import type { FileHandle } from 'node:fs/promises';
import { expect, test } from 'vitest';

const GiB = 1024 ** 3;

interface Told {
  readonly file: FileHandle;
  readonly calls: string[];
}

/** A file whose syncs end as they are told. */
function file(...failing: readonly string[]): Told {
  const calls: string[] = [];
  const call = (name: string) => (): Promise<void> => {
    calls.push(name);
    return failing.includes(name) ? Promise.reject(new Error('EIO')) : Promise.resolve();
  };
  return {
    calls,
    file: { datasync: call('datasync'), sync: call('sync') } as unknown as FileHandle,
  };
}

test('what is written is brought to the disk beside the rest, one sync at a time', async () => {
  const { file: one, calls } = file();
  const syncing = backgroundSync(one);
  syncing.written(1000);
  expect(calls).toEqual([]);
  syncing.written(GiB);
  syncing.written(GiB);
  expect(calls).toEqual(['datasync']);
  await syncing.finish();
  expect(calls).toEqual(['datasync', 'sync']);
  expect(await syncing.idle()).toBe(false);
});

test.each(['datasync', 'sync'])('a failed %s is final, and remembered', async (failing) => {
  const { file: one } = file(failing);
  const syncing = backgroundSync(one);
  syncing.written(GiB);
  await expect(syncing.finish()).rejects.toThrow('EIO');
  expect(await syncing.idle()).toBe(true);
});
