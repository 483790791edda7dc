import type * as FileCalls from 'node:fs/promises';
import { onTestFinished } from 'vitest';

type Call = 'link' | 'lstat' | 'mkdir' | 'open' | 'readFile' | 'readdir' | 'stat' | 'writeFile';
/** The code of the error with which a call for this place fails; undefined when it does not. */
type Fails = (call: Call, place: string) => string | undefined;

const never: Fails = () => undefined;
let fails = never;

/** From now on, until the test ends, calls fail as `which` says, in a file that has put `withFailures` in their place. */
export function failCalls(which: Fails): void {
  fails = which;
  onTestFinished(() => {
    fails = never;
  });
}

/**
 * The calls of node:fs/promises, which fail when they are told to. For `vi.mock`, which cannot be called from here; code in
 * threads, and calls on this thread (`disk-calls.ts`), never see them.
 */
export function withFailures(real: typeof FileCalls): typeof FileCalls {
  const calls = real as unknown as Record<string, (...words: unknown[]) => Promise<unknown>>;
  const failing = (name: Call) => {
    return (place: unknown, ...words: unknown[]): Promise<unknown> => {
      const code = fails(name, String(place));
      if (code === undefined) return calls[name]!(place, ...words);
      return Promise.reject(Object.assign(new Error(code), { code }));
    };
  };
  const names: Call[] = [
    'link',
    'lstat',
    'mkdir',
    'open',
    'readFile',
    'readdir',
    'stat',
    'writeFile',
  ];
  const replaced = Object.fromEntries(names.map((name) => [name, failing(name)]));
  return { ...real, ...replaced };
}
