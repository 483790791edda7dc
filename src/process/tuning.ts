/** Percent by which the heap may grow before all of it is looked through again; V8 lets it grow to several times its size. */
const growth = 100;

/**
 * By version of V8, what makes it wait for longer before it optimises at its best: so much of a function, or so many calls
 * of it. Node 20 has 11, Node 22 has 12, Node 24 has 13; a later one gains nothing by it.
 */
const patience: Readonly<Record<string, string>> = {
  '11': '--interrupt-budget=1000000',
  '12': '--invocation-count-for-turbofan=30000',
  '13': '--invocation-count-for-turbofan=30000',
};

/**
 * Lets V8 do for a transfer what pays for one. It keeps a process small whose work leaves much behind, for a little more of
 * the processor: what thousands of small files leave goes soon. The space for what is young stays as large as the start has
 * made it, 4 to 8 MiB instead of 48; so little is cleared away sooner by one thread than by several that have to be woken.
 * And it is slow to optimise, for most runs are over before that would pay: else a quarter of the processor's time of ten
 * thousand small files goes into compiling on Node 20, a fifth on Node 22. A server still gets there.
 */
export function tuneForTransfers(): void {
  // An import would be paid for at the start, where a client has no time to lose.
  const { setFlagsFromString } = process.getBuiltinModule('node:v8');
  setFlagsFromString(`--heap-growing-percent=${growth}`);
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--no-parallel-scavenge');
  const [version = ''] = process.versions.v8.split('.', 1);
  const flag = patience[version];
  if (flag !== undefined) setFlagsFromString(flag);
}
