import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { longAgo } from './files.js';

/** What is in a tree: paths, those of folders with a slash at the end, to what is in a file. */
export type Tree = Readonly<Record<string, string | Buffer>>;

/** Makes a tree; every time in it is long ago, and of each thing another. */
export async function makeTree(root: string, tree: Tree): Promise<void> {
  for (const [path, content] of Object.entries(tree)) {
    const place = join(root, path);
    await mkdir(path.endsWith('/') ? place : dirname(place), { recursive: true });
    if (!path.endsWith('/')) await writeFile(place, content);
  }
  let time = longAgo;
  // From the leaves up, because a file that is made moves the time of its folder.
  for (const path of (await pathsIn(root)).reverse()) {
    time += 1;
    await utimes(join(root, path), time, time);
  }
}

/** So many files of `size` random bytes, in folders of 20. */
export function manyFiles(count: number, size: number): Tree {
  return Object.fromEntries(
    Array.from({ length: count }, (_, at) => [
      `folder ${Math.floor(at / 20)}/file ${at}.bin`,
      randomBytes(size),
    ]),
  );
}

/** All that is in a tree, hidden names too: path to content and time. */
export async function readTree(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const path of await pathsIn(root)) {
    const { mtimeMs } = await lstat(join(root, path));
    const content = path.endsWith('/') ? '' : await readFile(join(root, path), 'base64');
    found[path] = `${Math.round(mtimeMs)} ${content}`;
  }
  return found;
}

/** A folder before what is in it. */
async function pathsIn(root: string, above = ''): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readdir(join(root, above), { withFileTypes: true })) {
    const path = `${above}${entry.name}`;
    if (!entry.isDirectory()) paths.push(path);
    else paths.push(`${path}/`, ...(await pathsIn(root, `${path}/`)));
  }
  return paths.sort();
}
