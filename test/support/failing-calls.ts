import type * as CallsHere from 'node:fs';
import type * as FileCalls from 'node:fs/promises';
import { onTestFinished } from 'vitest';

type Call =
  | 'close'
  | 'fstat'
  | 'link'
  | 'lstat'
  | 'mkdir'
  | 'open'
  | 'readFile'
  | 'readdir'
  | 'stat'
  | 'writeFile'
  | 'write';
/** The code of the error with which a call for this place, or descriptor, fails; undefined when it does not. */
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

function failure(call: Call, place: unknown): Error | undefined {
  const code = fails(call, String(place));
  return code === undefined ? undefined : Object.assign(new Error(code), { code });
}

/**
 * The calls of node:fs with which folders are opened and small files written, which fail when they are told to: on this thread, or
 * with a function to call back. What cannot be closed is closed all the same. For `vi.mock`, as `withFailures`.
 */
export function withFailuresHere(real: typeof CallsHere): typeof CallsHere {
  const calls = real as unknown as Record<string, (...words: unknown[]) => unknown>;
  const names: Call[] = ['close', 'fstat', 'open', 'write'];
  const replaced = names.flatMap((name) => [
    [
      name,
      (place: unknown, ...words: unknown[]): unknown => {
        const error = failure(name, place);
        const back = words.at(-1) as (error: Error) => void;
        return error ? setImmediate(back, error) : calls[name]!(place, ...words);
      },
    ],
    [
      `${name}Sync`,
      (place: unknown, ...words: unknown[]): unknown => {
        const error = failure(name, place);
        const result =
          error && name !== 'close' ? undefined : calls[`${name}Sync`]!(place, ...words);
        if (error) throw error;
        return result;
      },
    ],
  ]);
  return { ...real, ...(Object.fromEntries(replaced) as Partial<typeof CallsHere>) };
}

/**
 * The calls of node:fs/promises, which fail when they are told to. For `vi.mock`, which cannot be called from here; code in
 * threads never sees them.
 */
export function withFailures(real: typeof FileCalls): typeof FileCalls {
  const calls = real as unknown as Record<string, (...words: unknown[]) => Promise<unknown>>;
  const failing = (name: Call) => {
    return (place: unknown, ...words: unknown[]): Promise<unknown> => {
      const error = failure(name, place);
      return error ? Promise.reject(error) : calls[name]!(place, ...words);
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
