import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, vi } from 'vitest';

/** How many descriptors this process has open; on Linux only. */
export function openDescriptors(): number {
  // One is that of the reading itself.
  return readdirSync('/proc/self/fd').length - 1;
}

/** Resolves when one of these processes has the file open. Where that cannot be seen it waits half a second. */
export async function opened(path: string, pids: readonly number[]): Promise<void> {
  if (process.platform !== 'linux') {
    await delay(500);
    return;
  }
  const links = (pid: number): string[] =>
    readdirSync(`/proc/${pid}/fd`).map((name) => `/proc/${pid}/fd/${name}`);
  const leadsThere = (link: string): boolean => {
    try {
      return readlinkSync(link) === path;
    } catch {
      // Closed since it was listed.
      return false;
    }
  };
  await vi.waitFor(
    () => {
      expect(pids.flatMap(links).some(leadsThere)).toBe(true);
    },
    { timeout: 20_000, interval: 20 },
  );
}
