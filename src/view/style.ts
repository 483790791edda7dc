import { columnsOf } from './columns.js';
import { bytesText } from './format.js';

/** How answers are drawn for a person. */
export interface Style {
  /** Sizes to the byte. */
  readonly bytes: boolean;
  /** Rows of a listing with their type, and times to the second. */
  readonly long: boolean;
  readonly color: boolean;
  /** Columns of the screen; Infinity without one. */
  readonly columns: number;
}

export const plainStyle: Style = { bytes: false, long: false, color: false, columns: Infinity };

/** A size as it was asked for. */
export function sizeText(bytes: number, style: Style): string {
  return style.bytes ? `${bytes} B` : bytesText(bytes);
}

/** Control sequences SGR of ECMA-48: what a folder and a failure look like, and the end of each. */
const paints = {
  folder: ['\u001b[1;34m', '\u001b[0m'],
  failure: ['\u001b[31m', '\u001b[0m'],
} as const;

/** Colour only for what the eye looks for. */
export function painted(text: string, as: keyof typeof paints, { color }: Style): string {
  const [begin, end] = paints[as];
  return color ? `${begin}${text}${end}` : text;
}

/** Whether a stream gets colours: the setting, and when it leaves that open, a terminal whose user has nothing against it. */
export function isColored(
  setting: 'auto' | 'always' | 'never',
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  if (setting !== 'auto') return setting === 'always';
  return (environment['NO_COLOR'] ?? '') === '' && mayBeDrawnOver(stream, environment);
}

/** Whether a stream is a terminal that obeys control sequences: a dumb one shows them. */
export function mayBeDrawnOver(
  stream: { readonly isTTY?: boolean },
  environment: Readonly<Record<string, string | undefined>>,
): boolean {
  return stream.isTTY === true && environment['TERM'] !== 'dumb';
}

/** A line of facts with two blanks between them; where the screen is too narrow it goes on below, between two facts. */
export function folded(line: string, { columns }: Style): string {
  if (columnsOf(line) <= columns) return line;
  const lines: string[] = [];
  let current = '';
  for (const fact of line.split(/(?<=\S {2,})(?=\S)/)) {
    if (current.trim() !== '' && columnsOf((current + fact).trimEnd()) > columns) {
      lines.push(current.trimEnd());
      current = `    ${fact}`;
    } else current += fact;
  }
  return [...lines, current].join('\n');
}
