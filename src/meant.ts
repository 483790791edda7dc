import { nearest } from '#config/nearest.js';
import { SharingError } from '#sharing/errors.js';
import { isGlob, plainPath, type Page } from '#sharing/local.js';

/** Names that are compared, at most, and milliseconds that listing them may take. */
const maxNames = 10_000;
const patience = 2000;

/** Missing names of one command that get a suggestion. */
const mostMeant = 10;

type Listing = (folder: string, signal: AbortSignal) => AsyncIterable<Page>;

/** Gives what is thrown when a path names nothing: with the path that was most likely meant, if its folder can be listed. */
export type Meaning = (error: unknown, path: string, list: Listing) => Promise<unknown>;

/** For all paths of one command: each folder is listed once. */
export function meanings(): Meaning {
  const listed = new Map<string, Promise<readonly string[]>>();
  let left = mostMeant;

  /** `within` ends in a slash, or is empty: what is above `/a` is not what is above `a`. */
  function namesIn(within: string, list: Listing): Promise<readonly string[]> {
    const folder = within.slice(0, -1);
    const known = listed.get(within) ?? namesOf(() => list(folder, AbortSignal.timeout(patience)));
    listed.set(within, known);
    return known;
  }

  return async (error, path, list) => {
    if (!(error instanceof SharingError) || error.code !== 'not-found') return error;
    const plain = plainPath(path);
    const at = plain.lastIndexOf('/') + 1;
    const name = plain.slice(at);
    if (name === '' || isGlob(name) || left === 0) return error;
    left -= 1;
    const close = nearest(name, await namesIn(plain.slice(0, at), list));
    if (close === undefined) return error;
    const meant = plain.slice(0, at) + close;
    return new SharingError(error.code, error.message, { ...error.facts, meant }, error);
  };
}

/** For one path alone. */
export const withMeant: Meaning = (error, path, list) => meanings()(error, path, list);

async function namesOf(list: () => AsyncIterable<Page>): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const page of list()) {
      names.push(...page.entries.map((entry) => entry.name));
      if (names.length >= maxNames) break;
    }
  } catch {
    // What came before it broke off serves as well.
  }
  return names.slice(0, maxNames);
}
