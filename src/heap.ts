import { setFlagsFromString } from 'node:v8';

/** Percent by which the heap may grow before all of it is looked through again; V8 lets it double and more. */
const growth = 50;

/**
 * Keeps a process that runs for days small, for a little more work of the processor: what thousands of small files leave
 * behind goes soon. Works at any time after the start. The space for what is young can only be set with the start (the
 * first line of main.ts).
 */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${growth}`);
}
