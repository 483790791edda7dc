import fc from 'fast-check';

/**
 * Every run tries the same inputs, so that a red run is the change's fault; `FUZZ_SEED=<number>` tries
 * others. A failing run prints the seed with which it can be repeated.
 */
export const testSeed = Number(process.env['FUZZ_SEED'] ?? 20_261_120);

fc.configureGlobal({ seed: testSeed });
