import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** Every document of the repository, by its path from the root. */
export function documents(): string[] {
  const rooms = ['config', 'discovery', 'sharing', 'src', 'test'];
  const below = rooms.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' }).map((path) =>
      posix.join(room, path.replaceAll('\\', '/')),
    ),
  );
  return [...readdirSync(root), ...below].filter((path) => path.endsWith('.md'));
}

export function textOf(document: string): string {
  return readFileSync(join(root, document), 'utf8').replaceAll('\r\n', '\n');
}

/** Places that a document leads to within the repository, from the root, with the heading if one is named. */
export function linksOf(document: string): { readonly path: string; readonly heading: string }[] {
  const text = textOf(document)
    .replaceAll(/^```[^]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(([^()\s]+)\)/g)].flatMap(([, target = '']) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [path = '', heading = ''] = target.split('#');
    return [{ path: path === '' ? document : posix.join(posix.dirname(document), path), heading }];
  });
}

/** Headings as a link names them. */
export function headingsOf(document: string): string[] {
  const text = textOf(document).replaceAll(/^```[^]*?^```/gm, '');
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, words = '']) =>
    words
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Rows of the table whose first heading cell is `first`, without that row; cells as they are written, `\|` being `|`. */
export function tableOf(document: string, first: string): string[][] {
  const rows = textOf(document)
    .split('\n\n')
    .map((part) =>
      part
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('|'))
        .map(cellsOf),
    )
    .find(([head]) => head?.[0] === first);
  if (!rows) throw new Error(`${document} has no table that begins with ${first}`);
  return rows.slice(2);
}

function cellsOf(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** Commands of a document in fenced blocks, in their order. */
export interface Block {
  readonly language: string;
  readonly lines: readonly string[];
}

export function blocksOf(document: string): Block[] {
  const fences = textOf(document).matchAll(/^```(\w*)\n([^]*?)^```$/gm);
  return [...fences].map(([, language = '', text = '']) => ({
    language,
    lines: text.trimEnd().split('\n'),
  }));
}
