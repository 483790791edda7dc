import { SharingError, type ErrorCode } from '#sharing/errors.js';
import { globMatcher, isGlob, plainPath, type Entry, type Page } from '#sharing/local.js';
import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { combine, ProgramError } from '#src/failure.js';
import { tell } from '#src/tell.js';
import { withMeant } from '#src/meant.js';
import { textOption, type Call } from './command.js';

/** Pages of a folder's rows, sorted by name. */
export type List = (path: string, signal: AbortSignal) => AsyncGenerator<Page, void, undefined>;

/** Folders that wait to be listed, at most; with the longest folder, all that a listing ever holds. */
const maxWaiting = 100_000;

/**
 * Prints a listing as its pages come: a folder, a file, or what matches a pattern. Throws SharingError, `not-found` with
 * what may have been meant, and ProgramError `usage`.
 */
export async function showListing(context: Context, call: Call, list: List): Promise<ExitCode> {
  const path = plainPath(call.words[0] ?? '');
  const view = context.view.styled({ long: call.options['long'] === true });
  const wish: Wish = { sort: sortOf(call), recursive: call.options['recursive'] === true };
  const walk = (folder: string, more: Partial<Wish>): Promise<Walked> =>
    showFolder({ ...context, view }, list, folder, { ...wish, ...more });
  try {
    const { rows, unshared, codes } = await walk(path, {});
    if (rows + unshared === 0 && view.isHeard()) view.note('empty');
    return combine([...codes]);
  } catch (error) {
    // Why nobody reads on was told, if it was not meant.
    if (!view.isHeard()) return exitCodes.interrupted;
    const [above, name] = splitPath(path);
    // What is no folder is there, and is no pattern.
    const glob = isGlob(name) && error instanceof SharingError && error.code !== 'not-a-folder';
    if (name === '' || !(error instanceof SharingError && mayBeRows(error, glob))) {
      throw await withMeant(error, path, list);
    }
    const matches = glob ? globMatcher(name) : () => false;
    const { rows, codes } = await walk(above, {
      isShown: (one) => one === name || matches(one),
      recursive: glob && wish.recursive,
    }).catch((second: unknown) => {
      throw above === '' ? second : error;
    });
    if (rows === 0 && codes.size === 0 && view.isHeard()) throw await withMeant(error, path, list);
    return combine([...codes]);
  }
}

interface Wish {
  readonly sort: Sort;
  readonly recursive: boolean;
  /** Judges a name; without it all are shown. */
  readonly isShown?: (name: string) => boolean;
}

interface Walked {
  /** How many rows were shown. */
  readonly rows: number;
  /** Names that cannot be shared. */
  readonly unshared: number;
  /** Of the folders below that could not be listed. */
  readonly codes: ReadonlySet<ExitCode>;
}

/** One folder, then each of those below in the order of their names, with all that is below it. */
async function showFolder(
  context: Context,
  list: List,
  top: string,
  { sort, recursive, isShown }: Wish,
): Promise<Walked> {
  const waiting = [top];
  const codes = new Set<ExitCode>();
  let rows = 0;
  let unshared = 0;
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    if (!context.view.isHeard()) break;
    const within = folder === '' ? '' : `${folder}/`;
    const below: string[] = [];
    let here = 0;
    const isTooMuch = (): boolean => waiting.length + below.length > maxWaiting;
    try {
      for await (const page of sorted(list(folder, context.signal), sort)) {
        if (context.signal.aborted) throw new SharingError('cancelled', 'interrupted');
        here += page.unshared;
        for (const { name, type, size, mtime } of page.entries) {
          const path = `${within}${name}`;
          if (recursive && type === 'folder') below.push(path);
          if (isShown && !isShown(name)) continue;
          rows += 1;
          context.view.show({ event: 'entry', path, type, size, mtime });
        }
        if (!context.view.isHeard()) break;
        if (isTooMuch()) {
          throw new SharingError('list-too-long', `more than ${maxWaiting} folders in it`);
        }
      }
    } catch (error) {
      // A tree that has no end is the failure of the whole.
      if (folder === top || isTooMuch() || !isOfOne(error)) throw error;
      codes.add(await tell(context, folder, error));
    }
    // Whoever asked for certain names did not ask for those.
    if (here > 0 && !isShown) context.view.show({ event: 'unlisted', path: folder, names: here });
    unshared += here;
    waiting.push(...below.sort().reverse());
  }
  return { rows, unshared, codes };
}

/** Failures of one folder that say nothing of the others. */
const ofOne: readonly ErrorCode[] = [
  'not-found',
  'not-a-folder',
  'no-permission',
  'name-refused',
  'name-too-long',
  'read-failed',
  'list-too-long',
];

function isOfOne(error: unknown): boolean {
  return error instanceof SharingError && ofOne.includes(error.code);
}

/** It is no folder, but may be a row of the folder above, or several. Some systems refuse a pattern as a name. */
function mayBeRows({ code }: SharingError, glob: boolean): boolean {
  return code === 'not-a-folder' || (glob && (code === 'not-found' || code === 'name-refused'));
}

type Sort = 'name' | 'size' | 'time';

function sortOf(call: Call): Sort {
  const sort = textOption(call, 'sort') ?? 'name';
  if (sort === 'name' || sort === 'size' || sort === 'time') return sort;
  throw new ProgramError('usage', 'nothing can be sorted by that', '--sort name, size or time');
}

/** By name they come so, and go on at once; else a folder is read to its end first, of 100,000 rows at most. */
async function* sorted(
  pages: AsyncIterable<Page>,
  sort: Sort,
): AsyncGenerator<Page, void, undefined> {
  if (sort === 'name') {
    yield* pages;
    return;
  }
  const rows: Entry[] = [];
  let unshared = 0;
  for await (const page of pages) {
    rows.push(...page.entries);
    unshared += page.unshared;
  }
  yield { entries: rows.sort(sort === 'size' ? bySize : byTime), unshared };
}

/** A folder has no size of its own, so folders come first. */
function bySize(a: Entry, b: Entry): number {
  if (a.type !== b.type) return a.type === 'folder' ? -1 : 1;
  return b.size - a.size || byName(a, b);
}

function byTime(a: Entry, b: Entry): number {
  return b.mtime - a.mtime || byName(a, b);
}

function byName(a: Entry, b: Entry): number {
  return a.name < b.name ? -1 : 1;
}

function splitPath(path: string): readonly [above: string, name: string] {
  const at = path.lastIndexOf('/');
  return [path.slice(0, Math.max(0, at)), path.slice(at + 1)];
}
