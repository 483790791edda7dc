import { fitInto } from './columns.js';
import { quote } from './quote.js';
import { plainStyle, sizeText, type Style } from './style.js';

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
export function movingRow(client: string, facts: MovingFacts, style: Style = plainStyle): string {
  const shown = (amount: number): string => sizeText(amount, style);
  const { direction, path, bytes, size, rate, files } = facts;
  const verb = direction === 'out' ? 'gets' : 'brings';
  const far = files
    ? `${files.done} of ${files.of}${files.counted ? '' : '+'} files  ${shown(bytes)}`
    : `${size === 0 ? 0 : Math.floor((100 * bytes) / size)} %  ${shown(bytes)} of ${shown(size)}`;
  const speed = rate > 0 ? `  ${shown(rate)}/s` : '';
  return `${shortened(client, clientColumns)} ${verb} ${shortened(path, fileColumns)}  ${far}${speed}`;
}

/** Quoted, and with its end cut off if it takes too many columns. */
function shortened(text: string, columns: number): string {
  const quoted = quote(text);
  const fit = fitInto(quoted, columns);
  return fit === quoted ? quoted : `${fitInto(quoted, columns - 1)}…`;
}
