import { openSync, readSync } from 'node:fs';

const million = 1_000_000;
const buffer = Buffer.alloc(128);
/** Of /proc/thread-self/schedstat; undefined until it is asked for, -1 where it is not told. */
let file: number | undefined;

/**
 * Milliseconds for which this thread could have run and waited for a processor, by now; 0 where the system does not tell.
 * (proc_pid_schedstat of Linux: the second number, in nanoseconds.)
 */
export function timeWithoutProcessor(): number {
  file ??= openOnce();
  if (file < 0) return 0;
  try {
    const length = readSync(file, buffer, 0, buffer.length, 0);
    const [, waited] = buffer.toString('latin1', 0, length).split(' ', 2);
    return (Number(waited) || 0) / million;
  } catch {
    return 0;
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
