import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { Ended, Line } from '../program.js';
import {
  contentOf,
  sourceFolder,
  type Content,
  type Ledger,
  type Policy,
  type Wish,
} from './model.js';
import type { Random } from './random.js';
import type { Station, World } from './world.js';

const KiB = 1024;
const MiB = 1024 ** 2;

/** What one client asks for, once or until it has succeeded. */
export interface Operation {
  readonly what: string;
  readonly station: Station;
  readonly verb: 'get' | 'put';
  /** The words behind the server. */
  readonly words: readonly string[];
  /** Of the receiving side. */
  readonly target: Station;
  /** What comes, by the path that the program tells it with. */
  readonly wishes: ReadonlyMap<string, Wish>;
  /** Folders at the top, and how many files are in each. */
  readonly tops: ReadonlyMap<string, number>;
}

export interface OperationPlan {
  readonly station: Station;
  readonly verb: 'get' | 'put';
  /** Large enough to be struck in the middle. */
  readonly heavy: boolean;
  /** A name that another client brings at the same time, with another content. */
  readonly contested?: string;
}

/** What lies in one folder of sources: paths to sizes. */
type Sizes = Readonly<Record<string, number>>;

type Kind = 'file' | 'folder' | 'glob' | 'several';

/** Makes the sources of an operation, and what stands in its way; tells the ledger what may come. */
export async function makeOperation(world: World, plan: OperationPlan): Promise<Operation> {
  const { random, server } = world;
  const { station, verb, heavy } = plan;
  const number = world.next();
  const [from, target] = verb === 'get' ? [server, station] : [station, server];
  const kind: Kind = plan.contested ? 'file' : random.pick(['file', 'folder', 'glob', 'several']);
  const policy: Policy = plan.contested
    ? 'number'
    : random.pick(['number', 'number', 'overwrite', 'skip', 'update']);
  const folder = join(from.sources, String(number));
  const sizes = sizesOf(random, kind, heavy, plan.contested ?? `${number}`);
  const sources = await makeSources(folder, sizes, random);
  if (verb === 'get') {
    for (const [path, content] of sources) {
      server.ledger.keep(`${sourceFolder}/${number}/${path}`, content);
    }
  }
  const base = verb === 'get' ? `${sourceFolder}/${number}` : folder;
  const tops = [...new Set(Object.keys(sizes).map((path) => path.split('/')[0]!))];
  const typed = kind === 'glob' ? [`${base}/*`] : tops.map((top) => `${base}/${top}`);
  const wishes = await makeWishes(random, target.ledger, folder, sources, policy);
  return {
    what: `${verb} ${number} of ${station.host.name}: ${kind}, ${policy}, ${sources.size} files`,
    station,
    verb,
    target,
    words: [...(policy === 'number' ? [] : [`--${policy}`]), ...typed],
    wishes: new Map([...wishes].map(([path, wish]) => [`${base}/${path}`, wish])),
    tops: new Map(
      tops
        .filter((top) => !sources.has(top))
        .map((top) => [
          `${base}/${top}`,
          [...sources.keys()].filter((path) => path.startsWith(`${top}/`)).length,
        ]),
    ),
  };
}

function sizesOf(random: Random, kind: Kind, heavy: boolean, name: string): Sizes {
  const large = (): number => random.between(heavy ? 6 * MiB : MiB + 1, (heavy ? 14 : 3) * MiB);
  const small = (): number => (random.chance(0.1) ? 0 : random.between(1, 40 * KiB));
  const any = (): number => (random.chance(0.25) ? large() : small());
  const many = (least: number, most: number): number[] =>
    Array.from({ length: random.between(least, most) }, any);
  const listed = (prefix: string, list: readonly number[]): Sizes =>
    Object.fromEntries(list.map((size, at) => [`${prefix}${at}.bin`, size]));
  const tree = (top: string): Sizes => ({
    ...listed(`${top}/a `, Array.from({ length: random.between(5, 60) }, small)),
    ...listed(`${top}/sub/b`, heavy ? [large(), small()] : many(0, 3)),
    ...listed(`${top}/sub/ü/c`, Array.from({ length: random.between(0, 20) }, small)),
    ...(heavy && { [`${top}/last.bin`]: large() }),
  });
  switch (kind) {
    case 'file':
      return { [`${name}.bin`]: heavy ? large() : any() };
    case 'folder':
      return tree(name);
    case 'glob':
      return listed(`${name}-`, heavy ? [...many(1, 5), large()] : many(2, 8));
    case 'several':
      return { ...tree(name), [`${name}-x.tar.gz`]: heavy ? large() : any(), [`${name}-y`]: 0 };
  }
}

async function makeSources(
  folder: string,
  sizes: Sizes,
  random: Random,
): Promise<Map<string, Content>> {
  const made = new Map<string, Content>();
  for (const [path, size] of Object.entries(sizes)) {
    const place = join(folder, path);
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, randomBytes(size));
    await setTime(place, random.between(1_000_000_000, 1_700_000_000));
    made.set(path, await contentOf(place));
  }
  return made;
}

async function setTime(place: string, seconds: number): Promise<void> {
  await utimes(place, seconds, seconds);
}

/** Puts something in the way of some, and writes down what may come. */
async function makeWishes(
  random: Random,
  ledger: Ledger,
  folder: string,
  sources: ReadonlyMap<string, Content>,
  policy: Policy,
): Promise<Map<string, Wish>> {
  const wishes = new Map<string, Wish>();
  const staged = new Map<string, boolean>();
  for (const [path, content] of sources) {
    const [top = '', ...below] = path.split('/');
    const wanted = `new_${path}`;
    if (below.length > 0 && !staged.has(top)) staged.set(top, !random.chance(0.3));
    const mayBeThere = staged.get(top) !== true && random.chance(below.length > 0 ? 0.3 : 0.5);
    const before = mayBeThere
      ? await putInTheWay(random, join(ledger.root, wanted), join(folder, path), content)
      : undefined;
    if (before) ledger.keep(wanted, before);
    const wish = { path: wanted, content, policy, before };
    wishes.set(path, wish);
    ledger.wish(wish);
  }
  for (const [top, isNew] of staged) {
    if (!isNew) await mkdir(join(ledger.root, `new_${top}`), { recursive: true });
    const files = [...wishes.values()].map((wish) => wish.path);
    ledger.folder(
      `new_${top}`,
      files.filter((path) => path.startsWith(`new_${top}/`)),
      isNew,
    );
  }
  return wishes;
}

/** Something else, an older or newer one, or the very same. */
async function putInTheWay(
  random: Random,
  place: string,
  source: string,
  { mtime }: Content,
): Promise<Content> {
  await mkdir(dirname(place), { recursive: true });
  if (random.chance(0.2)) await copyFile(source, place);
  else await writeFile(place, randomBytes(random.between(1, 2000)));
  await setTime(place, mtime / 1e6 + random.pick([-5000, 5000]));
  return contentOf(place);
}

/** Exit codes that a fault may lead to; 1 would be a fault of the program itself. */
const sensible = [0, 3, 4, 5, 6, 7, 8];

/** What an end has to say, written into the ledger. */
export interface Judged {
  /** All of it is there now. */
  readonly done: boolean;
  readonly wrong: readonly string[];
}

/** Writes down what the program has said to be there; gives what it cannot have meant. */
export function takeReceipts(operation: Operation, lines: readonly Line[]): string[] {
  const { wishes, tops, target } = operation;
  const wrong: string[] = [];
  for (const line of lines) {
    const path = String(line['path']);
    const wish = wishes.get(path);
    if (line.event === 'received' || line.event === 'stored') {
      if (!wish) wrong.push(`nobody asked for ${path}`);
      else {
        if (line['size'] !== wish.content.size) wrong.push(`a wrong size is told of ${path}`);
        const as = placeOf(operation, line);
        target.ledger.receipt(as, wish.content, line['identical'] === true);
      }
    } else if (line.event === 'skipped') {
      if (wish?.policy !== 'skip' && wish?.policy !== 'update') wrong.push(`${path} was skipped`);
    } else if (line.event === 'folder') {
      const came = Number(line['files']) + Number(line['skipped']);
      // A folder in it that fails is one failure, however much is in it.
      const wanted = tops.get(path) ?? -1;
      const isWrong = line['failed'] === 0 ? came !== wanted : came > wanted;
      if (isWrong) wrong.push(`${came} of ${wanted} files are told of ${path}`);
    }
  }
  return wrong;
}

/** Takes the receipts of a run, and judges how it ended. */
export function judge(operation: Operation, { code, signal, lines, stderr }: Ended): Judged {
  const { wishes, tops, target } = operation;
  const wrong = takeReceipts(operation, lines);
  const failed = lines.filter(({ event }) => event === 'failed');
  const failedPaths = failed.map((line) => String(line['path']));
  for (const line of failed) {
    if (!sensible.includes(Number(line['exit'])) || line['message'] === '') {
      wrong.push(`no sensible failure: ${JSON.stringify(line)}`);
    }
  }
  const excused = failedPaths.flatMap((path) =>
    [...wishes].filter(([one]) => one === path || one.startsWith(`${path}/`)),
  );
  target.ledger.excuse(excused.map(([, { path }]) => path));
  if (signal === null && !sensible.includes(code ?? -1)) wrong.push(`exit code ${code}: ${stderr}`);
  if (code === 0) {
    const told = new Set(lines.map((line) => line['path']));
    const silent = [...wishes.keys(), ...tops.keys()].filter((path) => !told.has(path));
    if (silent.length > 0) wrong.push(`done without a word of ${silent.join(', ')}`);
    if (failed.length > 0) wrong.push(`done although ${failedPaths.join(', ')} failed`);
  } else if (signal === null && failed.length === 0) wrong.push(`ends with ${code} and no failure`);
  return { done: code === 0, wrong };
}

/** Where a file came to lie, below the folder that receives. */
function placeOf({ verb, station, target }: Operation, line: Line): string {
  const as = String(line['as']);
  return verb === 'put' ? as : relative(target.ledger.root, resolve(station.host.folder, as));
}
