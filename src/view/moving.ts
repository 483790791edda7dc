import { cutTo } from './columns.js';
import { quote } from './quote.js';

/** One transfer at a server; bytes, and bytes a second. */
export interface MovingFacts {
  readonly direction: 'in' | 'out';
  readonly path: string;
  readonly bytes: number;
  readonly size: number;
  readonly rate: number;
  readonly files?:
    { readonly done: number; readonly of: number; readonly counted: boolean } | undefined;
}

/** Columns for a name of a client, and of a file. */
const clientColumns = 20;
const fileColumns = 32;

/** Who, what, how far and how fast, in one line. */
export function movingRow(
  client: string,
  facts: MovingFacts,
  sizeText: (bytes: number) => string,
): string {
  const { direction, path, bytes, size, rate, files } = facts;
  const verb = direction === 'out' ? 'gets' : 'brings';
  const far = files
    ? `${files.done} of ${files.of}${files.counted ? '' : '+'} files  ${sizeText(bytes)}`
    : `${size === 0 ? 0 : Math.floor((100 * bytes) / size)} %  ${sizeText(bytes)} of ${sizeText(size)}`;
  const speed = rate > 0 ? `  ${sizeText(rate)}/s` : '';
  const [who, what] = [cutTo(quote(client), clientColumns), cutTo(quote(path), fileColumns)];
  return `${who} ${verb} ${what}  ${far}${speed}`;
}
