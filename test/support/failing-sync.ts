import { readlinkSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { vi } from 'vitest';

/**
 * Lets the sync of each file or folder that `fails` picks by its place fail with EIO, until all mocks are restored; it
 * hears of all that are synced through a handle. `folder` is any that can be opened. Only on Linux.
 */
export async function failingSync(
  folder: string,
  fails: (place: string) => boolean,
): Promise<void> {
  const some = await open(folder);
  const prototype = Object.getPrototypeOf(some) as FileHandle;
  await some.close();
  const real = Object.getOwnPropertyDescriptor(prototype, 'sync')?.value as () => Promise<void>;
  vi.spyOn(prototype, 'sync').mockImplementation(function (this: FileHandle) {
    if (!fails(readlinkSync(`/proc/self/fd/${this.fd}`))) return real.call(this);
    return Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
  });
}
