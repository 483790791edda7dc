import { openSync, readSync } from 'node:fs';

const million = 1_000_000;
const buffer = Buffer.alloc(128);
/** Of /proc/thread-self/schedstat; undefined until it is asked for, -1 where it is not told. */
let file: number | undefined;

/**
 * Milliseconds for which this thread has run or waited for a processor by now; undefined where the system does not tell. All
 * other time it stood still for something else. (proc_pid_schedstat of Linux: nanoseconds on a processor, nanoseconds waiting
 * for one.)
 */
export function busyTime(): number | undefined {
  file ??= openOnce();
  if (file < 0) return undefined;
  try {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    const text = buffer.toString('latin1', 0, length);
    const [ran = NaN, waited = NaN] = text.split(' ', 2).map(Number);
    return Number.isNaN(ran + waited) ? undefined : (ran + waited) / million;
  } catch {
    return undefined;
  }
}

/** It stays open as long as the thread lives. */
function openOnce(): number {
  try {
    return openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return -1;
  }
}
