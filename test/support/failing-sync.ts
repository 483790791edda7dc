import fs, { readlinkSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { onTestFinished, vi } from 'vitest';

/**
 * Lets the sync of each file or folder that `fails` picks by its place fail with EIO, until the test is over; it hears of
 * all that are synced. `folder` is any that can be opened. Only on Linux.
 */
export async function failingSync(
  folder: string,
  fails: (place: string) => boolean,
): Promise<void> {
  const some = await open(folder);
  const prototype = Object.getPrototypeOf(some) as FileHandle;
  await some.close();
  const real = Object.getOwnPropertyDescriptor(prototype, 'sync')?.value as () => Promise<void>;
  const { fsync, fsyncSync } = fs;
  const failure = (descriptor: number): NodeJS.ErrnoException | undefined =>
    fails(readlinkSync(`/proc/self/fd/${descriptor}`))
      ? Object.assign(new Error('EIO'), { code: 'EIO' })
      : undefined;
  const spies = [
    vi.spyOn(prototype, 'sync').mockImplementation(function (this: FileHandle) {
      const error = failure(this.fd);
      return error ? Promise.reject(error) : real.call(this);
    }),
    vi.spyOn(fs, 'fsync').mockImplementation((descriptor, done) => {
      const error = failure(descriptor);
      if (error) done(error);
      else fsync(descriptor, done);
    }),
    vi.spyOn(fs, 'fsyncSync').mockImplementation((descriptor) => {
      const error = failure(descriptor);
      if (error) throw error;
      fsyncSync(descriptor);
    }),
  ];
  syncBuiltinESMExports();
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
    syncBuiltinESMExports();
  });
}
