import { SharingError } from '#sharing/errors.js';
import { isGlob, matchesGlob } from '#sharing/storage/glob.js';
import { folded } from '#sharing/storage/naming.js';
import { patternPath, plainPath, safePath, type SafeName } from '#sharing/storage/path.js';
import { maxFurther } from '#sharing/wire/message.js';
import { maxPathLength } from '#sharing/wire/rows.js';

/** What a client asks for, and what it takes for an answer. */
export interface Wanted {
  readonly path: string;
  readonly further: readonly string[];
  /** The last name, or pattern of it. */
  readonly last: string;
  readonly glob: boolean;
  /** The name without prefix of what is offered as this, undefined for what was not asked for; each is taken once. */
  take(offered: string): string | undefined;
  /** What the user would call what is offered as this. */
  pathOf(offered: string): string;
  /** What was asked for by its path, and not taken. */
  untold(): Iterable<string>;
}

/** What was typed is judged here too, so that a slip is told before anything is sent. */
export function wantedBy(typed: string, as: string | undefined): Wanted {
  const path = plainPath(typed);
  mustFit(path);
  const glob = isGlob(path) && as === undefined;
  const names = glob ? patternPath(path) : safePath(path);
  const last = names.at(-1);
  if (last === undefined) throw new SharingError('is-folder', 'the share itself', { path });
  const above = path.slice(0, path.length - last.length);
  let isTaken = false;
  return {
    path,
    further: [],
    last,
    glob,
    take(offered) {
      // What reads like a pattern may be a name as it is: the server looks for that first.
      if (glob) return offered === last || matchesGlob(last, offered) ? offered : undefined;
      if (isTaken) return undefined;
      isTaken = true;
      return last;
    },
    untold: () => (glob || isTaken ? [] : [path]),
    pathOf: (offered) => {
      if (glob) return isGlob(above) ? offered : `${above}${offered}`;
      const below = offered.indexOf('/');
      return below < 0 ? path : `${path}${offered.slice(below)}`;
    },
  };
}

/** Several paths, each with another last name: by that their rows are known. */
export function wantedList(typed: readonly [string, ...string[]]): Wanted {
  const [first, ...further] = typed.map(plainPath);
  const named = new Map<string, string>(typed.map((path) => [lastName(path), plainPath(path)]));
  const open = new Map(named);
  return {
    path: first ?? '',
    further,
    last: lastName(typed[0]),
    glob: false,
    take: (offered) => (open.delete(offered) ? offered : undefined),
    pathOf(offered) {
      const below = offered.indexOf('/');
      const top = below < 0 ? offered : offered.slice(0, below);
      return `${named.get(top) ?? top}${offered.slice(top.length)}`;
    },
    untold: () => open.values(),
  };
}

/** Characters of the paths of one list, at most: of three bytes each they fit into one message. */
const listLength = 16 * 1024;

/**
 * Divides paths into lists, in order: those of one list may be asked for in one transfer. Patterns, and what no server would
 * look for, stand alone; and a name that comes again begins a list, for what came first has its name by then.
 */
export function asLists(paths: readonly string[]): readonly (readonly [string, ...string[]])[] {
  const lists: [string, ...string[]][] = [];
  let names = new Set<string>();
  let length = 0;
  for (const path of paths) {
    const name = nameInList(path);
    const last = name === undefined || names.has(name) ? undefined : lists.at(-1);
    length += path.length;
    if (last && names.size > 0 && last.length <= maxFurther && length <= listLength) {
      last.push(path);
    } else {
      lists.push([path]);
      names = new Set();
      length = path.length;
    }
    if (name !== undefined) names.add(name);
  }
  return lists;
}

/** The last name, as a system has it that tells names least; undefined for what stands alone. */
function nameInList(path: string): string | undefined {
  try {
    mustFit(path);
    return isGlob(path) ? undefined : folded(lastName(path));
  } catch {
    return undefined;
  }
}

function lastName(typed: string): SafeName {
  const name = safePath(plainPath(typed)).at(-1);
  if (name === undefined) throw new SharingError('is-folder', 'the share itself', { path: typed });
  return name;
}

/** No message holds a longer one. Throws SharingError `name-too-long`. */
function mustFit(path: string): void {
  if (path.length <= maxPathLength) return;
  const words = `a path may have ${maxPathLength} characters`;
  throw new SharingError('name-too-long', words, { what: 'path' });
}
