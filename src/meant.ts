import { nearest } from '#config/nearest.js';
import { SharingError } from '#sharing/errors.js';
import { isGlob, type Entry } from '#sharing/local.js';

/** Names that are compared, at most, and milliseconds that listing them may take. */
const maxNames = 10_000;
const patience = 2000;

/** What is thrown when a path names nothing, with the path that was most likely meant if its folder can be listed. */
export async function withMeant(
  error: unknown,
  path: string,
  list: (folder: string, signal: AbortSignal) => AsyncIterable<readonly Entry[]>,
): Promise<unknown> {
  if (!(error instanceof SharingError) || error.code !== 'not-found') return error;
  const plain = path.replace(/\/+$/, '');
  const at = plain.lastIndexOf('/') + 1;
  const name = plain.slice(at);
  if (name === '' || isGlob(name)) return error;
  const names: string[] = [];
  try {
    for await (const page of list(
      plain.slice(0, Math.max(0, at - 1)),
      AbortSignal.timeout(patience),
    )) {
      names.push(...page.map((entry) => entry.name));
      if (names.length >= maxNames) break;
    }
  } catch {
    // What came before it broke off serves as well.
  }
  const close = nearest(name, names.slice(0, maxNames));
  if (close === undefined) return error;
  const meant = plain.slice(0, at) + close;
  return new SharingError(error.code, error.message, { ...error.facts, meant }, error);
}
