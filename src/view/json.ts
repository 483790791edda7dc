import type { Answer } from './answer.js';
import { isoTime } from './format.js';
import { dangerous } from './quote.js';

/** Version of the lines of `--json`: grows when a key changes its meaning or goes. */
const version = 1;
const everyDangerous = new RegExp(dangerous.source, 'gu');

/**
 * One answer as one line; foreign text is JSON-quoted, so nothing in it reaches a terminal raw. `from` is the server that
 * it is about, when there are several.
 */
export function jsonLine(answer: Answer, from?: string): string {
  const { event, ...rest } = answer;
  const times = 'mtime' in rest ? { mtime: isoTime(rest.mtime) } : {};
  return `${escapeInvisible(JSON.stringify({ v: version, event, ...(from !== undefined && { server: from }), ...rest, ...times }))}\n`;
}

/** JSON leaves DEL, C1 and format characters as they are; a reader of JSON sees the same text either way. */
function escapeInvisible(json: string): string {
  return json.replace(everyDangerous, escapeUnits);
}

function escapeUnits(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
