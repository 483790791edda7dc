/** Percent by which the heap may grow before all of it is looked through again; V8 lets it grow to several times its size. */
export const growth = { server: 100, client: 200 };

/**
 * Keeps a process small whose work leaves much behind, for a little more of the processor: what thousands of small files
 * leave goes soon. Works at any time after the start. The space for what is young can only be set with the start (the first
 * line of main.ts).
 */
export function keepHeapSmall(percent: number): void {
  // An import would be paid for at the start, where a client has no time to lose.
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}
