import { numbered } from '#sharing/storage/naming.js';
import type { SafeName } from '#sharing/storage/path.js';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { dirname, basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** What a file is: two with the same are equal. */
export interface Content {
  readonly size: number;
  /** SHA-256, in hexadecimal digits: another one than the program's own. */
  readonly digest: string;
  /** Microseconds since 1970. */
  readonly mtime: number;
}

export type Policy = 'number' | 'overwrite' | 'skip' | 'update';

/** One file that an operation brings. */
export interface Wish {
  /** The path that it should get below the receiving folder. */
  readonly path: string;
  readonly content: Content;
  readonly policy: Policy;
  /** What stands under that path beforehand. */
  readonly before: Content | undefined;
}

/** What is sent lies below it, in the share too. */
export const sourceFolder = 'out';

/** All that may lie in one receiving folder, and all that must. */
export interface Ledger {
  readonly root: string;
  /** It was there before, and nothing that is asked for may change it. */
  keep(path: string, content: Content): void;
  /** From now on it may come. */
  wish(wish: Wish): void;
  /** From now on this folder may come; where it is new it appears whole. */
  folder(path: string, files: readonly string[], whole: boolean): void;
  /** Files that failed alone, so that their folder may stand without them. */
  excuse(paths: readonly string[]): void;
  /** The program has said that this content is there under this path, from now on for ever. */
  receipt(path: string, content: Content, identical: boolean): void;
  /** What is wrong at this moment, whatever is under way. */
  problems(): Promise<string[]>;
  /**
   * What is wrong when each of these has been fulfilled and nothing is under way; with `mayRepeat` one may lie here more
   * than once.
   */
  unfulfilled(wishes: readonly Wish[], mayRepeat: boolean): Promise<string[]>;
  /** Forgets everything; the folder must be empty then. */
  forget(): void;
  /** How many receipts were looked at in all. */
  readonly looks: () => number;
}

export function openLedger(root: string): Ledger {
  const kept = new Map<string, Content>();
  const wishes = new Map<string, Wish[]>();
  const folders = new Map<string, { readonly files: readonly string[]; readonly whole: boolean }>();
  const excused = new Set<string>();
  const receipts = new Map<string, { readonly content: Content; readonly identical: boolean }>();
  let looks = 0;

  /** What a path may be for: its own wishes, or those for the name without its number. */
  function wishesFor(path: string): readonly Wish[] {
    const own = wishes.get(path);
    const plain = path.replace(/ \(\d+\)((?:\.tar)?(?:\.[^./]+)?)$/, '$1');
    const others = plain === path ? undefined : wishes.get(plain);
    return [
      ...(own ?? []),
      ...(others ?? []).filter(({ policy }) => policy === 'number' || policy === 'skip'),
    ];
  }

  function mayLie(path: string, there: Content): string | undefined {
    const old = kept.get(path);
    const fitting = wishesFor(path);
    if (old && sameBytes(old, there)) return undefined;
    if (old && !fitting.some(({ policy }) => replaces(policy))) return `${path} was changed`;
    if (fitting.some(({ content }) => sameBytes(content, there))) return undefined;
    return fitting.length > 0
      ? `${path} is not what was sent: ${there.size} bytes`
      : `${path} should not be there`;
  }

  function receiptProblem(
    path: string,
    found: ReadonlyMap<string, Content | null>,
  ): string | undefined {
    const { content, identical } = receipts.get(path)!;
    const there = found.get(path);
    looks += 1;
    if (!there || !sameBytes(there, content)) {
      const elsewhere = [...found].flatMap(([other, one]) =>
        one && sameBytes(one, content) ? [other] : [],
      );
      const what = there ? `${there.size} bytes instead of ${content.size}` : 'nothing there';
      return `receipted and lost: ${path}: ${what}; the content lies at [${elsewhere.join(', ')}]`;
    }
    // What was there already keeps its own time.
    if (!identical && there.mtime !== content.mtime) return `receipted with another time: ${path}`;
    return undefined;
  }

  function folderProblems(found: ReadonlyMap<string, Content | null>): string[] {
    return [...folders].flatMap(([path, { files, whole }]) => {
      if (!whole || !found.has(`${path}/`)) return [];
      return files
        .filter((file) => !found.has(file) && !excused.has(file))
        .map((file) => `a folder without all that is in it: ${file}`);
    });
  }

  /** Folders that nobody asked for. */
  function strange(path: string): string[] {
    const top = path.split('/')[0] ?? '';
    const isKnown =
      top === sourceFolder ||
      folders.has(top) ||
      [...kept.keys()].some((one) => one.startsWith(path));
    return isKnown ? [] : [`${path} should not be there`];
  }

  return {
    root,
    looks: () => looks,
    keep: (path, content) => kept.set(path, content),
    wish(wish) {
      wishes.set(wish.path, [...(wishes.get(wish.path) ?? []), wish]);
    },
    folder: (path, files, whole) => folders.set(path, { files, whole }),
    excuse(paths) {
      for (const path of paths) excused.add(path);
    },
    receipt: (path, content, identical) => {
      const before = receipts.get(path);
      receipts.set(path, { content, identical: identical && before?.identical !== false });
    },
    async problems() {
      const found = await contentsOf(root);
      const wrong: (string | undefined)[] = [];
      for (const [path, there] of found) {
        if (there) wrong.push(mayLie(path, there));
        else wrong.push(...strange(path));
      }
      for (const path of kept.keys()) if (!found.has(path)) wrong.push(`${path} is gone`);
      for (const path of receipts.keys()) {
        wrong.push(receiptProblem(path, found));
      }
      wrong.push(...folderProblems(found));
      return wrong.filter((one) => one !== undefined);
    },
    async unfulfilled(asked, mayRepeat) {
      const found = await contentsOf(root);
      return asked.flatMap((wish) => missing(found, wish, mayRepeat) ?? []);
    },
    forget() {
      for (const map of [kept, wishes, folders, receipts]) map.clear();
      excused.clear();
    },
  };
}

/** More numbers than a run ever gives to one name. */
const mostNumbers = 100;

/** Whether it is that name, or one that it gets when it is taken. */
function isSibling(name: SafeName, other: string): boolean {
  return Array.from({ length: mostNumbers }, (_, at) => numbered(name, at + 1)).some(
    (one) => one === other,
  );
}

/** What is wrong with a wish that was fulfilled. */
function missing(
  found: ReadonlyMap<string, Content | null>,
  { path, content, policy, before }: Wish,
  mayRepeat: boolean,
): string | undefined {
  const there = found.get(path) ?? undefined;
  if (policy === 'number') {
    const places = [...found].filter(
      ([other, one]) =>
        one !== null &&
        dirname(other) === dirname(path) &&
        isSibling(basename(path) as SafeName, basename(other)) &&
        sameBytes(one, content),
    );
    const isThere = places.length === 1 || (mayRepeat && places.length > 1);
    return isThere ? undefined : `${path} lies here ${places.length} times`;
  }
  const stays =
    before && (policy === 'skip' || (policy === 'update' && before.mtime >= content.mtime));
  const wanted = stays ? before : content;
  return there && sameBytes(there, wanted) ? undefined : `${path} is not what ${policy} makes it`;
}

function replaces(policy: Policy): boolean {
  return policy === 'overwrite' || policy === 'update';
}

function sameBytes(one: Content, other: Content): boolean {
  return one.size === other.size && one.digest === other.digest;
}

/** All that is visible in a folder: files with their content, folders with a slash at the end. */
async function contentsOf(root: string, above = ''): Promise<Map<string, Content | null>> {
  const found = new Map<string, Content | null>();
  for (const entry of await readdir(join(root, above), { withFileTypes: true })) {
    if (entry.name === '.lanpost' && above === '') continue;
    const path = `${above}${entry.name}`;
    if (entry.isDirectory()) {
      found.set(`${path}/`, null);
      for (const one of await contentsOf(root, `${path}/`)) found.set(...one);
    } else found.set(path, await contentOf(join(root, path)));
  }
  return found;
}

const known = new Map<string, Content>();

/** What has not changed since is not read again. */
export async function contentOf(path: string): Promise<Content> {
  const { size, ino, dev, mtimeNs, ctimeNs } = await lstat(path, { bigint: true });
  const key = `${path} ${[size, ino, dev, mtimeNs, ctimeNs].join(' ')}`;
  const before = known.get(key);
  if (before) return before;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const content = {
    size: Number(size),
    digest: hash.digest('hex'),
    mtime: Number(mtimeNs / 1000n),
  };
  known.set(key, content);
  return content;
}

/** From now on everything is read again: the disk is another one. */
export function forgetContents(): void {
  known.clear();
}
