import { isSettingKey, settingTable } from '#config/settings.js';
import { isLinkLocal } from '#discovery/addresses.js';
import { grouped, shortId } from '#sharing/id.js';
import type {
  Answer,
  EntryAnswer,
  FailedAnswer,
  FindingAnswer,
  FolderAnswer,
  ServerAnswer,
  SettingAnswer,
  SummaryAnswer,
  TransferAnswer,
} from './answer.js';
import { columnsOf, padTo } from './columns.js';
import { clockText, durationText, fullTimeText, placeText, timeText } from './format.js';
import { movingRow } from './moving.js';
import { quote } from './quote.js';
import { clientLine, statusLines } from './status-text.js';
import { folded, painted, plainStyle, sizeText, type Style } from './style.js';
import { wrapped, wrappedHint, wrappedWords } from './wrap.js';

/** An answer as lines for people, ending with a line feed; of several servers each is named. */
export function textLines(answer: Answer, from?: string, style = plainStyle): string {
  if (answer.event === 'failed') return failedLines(answer, from, style);
  const lines = plainLines(answer, style);
  if (from === undefined) return lines;
  return lines.replace(/^(?=.)/gm, () => `${quote(from)}: `);
}

function plainLines(answer: Exclude<Answer, FailedAnswer>, style: Style): string {
  switch (answer.event) {
    case 'server':
      return `${folded(serverLine(answer), style)}\n`;
    case 'address':
      // Every server has one on each link; who needs it has --json.
      if (isLinkLocal(answer.address)) return '';
      return `  also at ${placeText(answer.address, answer.port)}  ${quote(answer.name)}\n`;
    case 'entry':
      return `${entryLine(answer, style)}\n`;
    case 'received':
    case 'stored':
      return `${transferLine(answer, style)}\n`;
    case 'skipped':
      return `${quote(answer.as)}  skipped, it is there already\n`;
    case 'job':
      return `${folded(`[${answer.number}]  ${quote(answer.line)}  ${quote(answer.state)}`, style)}\n`;
    case 'folder':
      return `${folderLine(answer, style)}\n`;
    case 'summary':
      return `${summaryLine(answer, style)}\n`;
    case 'broken':
      return `${answer.message}; trying to reach ${whoWhere(answer)} again\n`;
    case 'back':
      return `${quote(answer.name)} is back at ${placeText(answer.address, answer.port)}\n`;
    case 'left-out':
      return `left out: ${counted([
        [answer.links, 'link'],
        [answer.hidden, 'hidden name'],
      ])}\n`;
    case 'unlisted': {
      const where = answer.path === '' ? '' : ` in ${quote(answer.path)}`;
      return `not listed${where}: ${counted([[answer.names, 'name']])} that cannot be shared\n`;
    }
    case 'connected': {
      const trust = answer.trust === 'unverified' ? 'unverified ' : '';
      const may = answer.rights.join(', ') || 'no rights';
      const who = `connected to ${whoWhere(answer)}`;
      return `${folded(`${who}  ${trust}${shortId(answer.id)}  (${may})`, style)}\n`;
    }
    case 'unverified':
      return `unverified ${shortId(answer.id)}\n`;
    case 'code':
      return `  code       ${answer.code}  (good until ${clockText(answer.expires)}, for one machine)\n`;
    case 'peer': {
      const rights = answer.rights.join(', ') || 'no rights here';
      const who = padTo(quote(answer.name), 20);
      return `${folded(`${who}  ${shortId(answer.id)}  ${rights}`, style)}\n`;
    }
    case 'pin': {
      const where = padTo(quote(answer.place), 20);
      return `${folded(`${where}  ${shortId(answer.id)}  unverified, an open server`, style)}\n`;
    }
    case 'partial': {
      const { folder, name, bytes, size, mtime, removed } = answer;
      const much = `${sizeText(bytes, style)} of ${sizeText(size, style)}`;
      const state = removed ? '  removed' : '';
      return `${padTo(much, 22)}  ${timeText(mtime)}  ${quote(`${folder}/${name}`)}${state}\n`;
    }
    case 'bye':
      return `session with ${quote(answer.name)} ended\n`;
    case 'serving':
      return servingLines(answer, style);
    case 'service':
      return answer.unit;
    case 'status':
      return statusLines(answer, style);
    case 'client':
      return `${folded(clientLine(answer), style)}\n`;
    case 'transfer': {
      const facts = { ...answer, files: answer.files ?? undefined };
      const row = movingRow(answer.client, facts, (bytes) => sizeText(bytes, style));
      return `${folded(`  ${row}`, style)}\n`;
    }
    case 'stopped':
      return 'stopped\n';
    case 'shutdown':
      return `the server of ${quote(answer.folder)} on port ${answer.port} has stopped\n`;
    case 'setting':
      return `${settingLine(answer, style)}\n`;
    case 'finding':
      return findingLines(answer, style);
    case 'check':
      return titled(padTo(quote(answer.name), 14), answer.text, style);
    case 'help':
    case 'completion':
      return answer.text;
  }
}

function whoWhere({
  name,
  address,
  port,
}: Extract<Answer, { event: 'connected' | 'broken' }>): string {
  return `${quote(name)} at ${placeText(address, port)}`;
}

/** Columns of a size: that of 1023 GiB, and to the byte of just less than 10 TiB. */
const sizeColumns = { about: 9, exact: 15 };

function entryLine({ type, size, mtime, path }: EntryAnswer, style: Style): string {
  const isFolder = type === 'folder';
  const name = isFolder ? painted(`${quote(path)}/`, 'folder', style) : quote(path);
  const width = style.bytes ? sizeColumns.exact : sizeColumns.about;
  if (!style.long) {
    const much = isFolder ? 'folder' : sizeText(size, style);
    return `${much.padStart(width)}  ${timeText(mtime)}  ${name}`;
  }
  const much = isFolder ? '-' : sizeText(size, style);
  return `${type.padEnd(6)}  ${much.padStart(width)}  ${fullTimeText(mtime)}  ${name}`;
}

/** A size that is asked for to the byte is the value itself. */
function settingLine({ key, text, value, origin }: SettingAnswer, style: Style): string {
  const isSize = isSettingKey(key) && settingTable[key].kind === 'bytes';
  const shown = style.bytes && isSize ? `${value} B` : quote(text);
  return folded(`${key.padEnd(22)} ${padTo(shown, 18)} ${quote(origin)}`, style);
}

function serverLine({ name, id, port, addresses, code, marks }: ServerAnswer): string {
  const places = addresses.map((address) => placeText(address, port)).join(' ');
  const facts = [
    id === null ? 'no id' : shortId(id),
    ...(code === false ? ['open'] : []),
    ...marks.map((mark) => markWords[mark] ?? mark),
  ];
  return `${quote(name)}'s File Sharing Service  ${places}  ${facts.join('  ')}`;
}

const markWords: Readonly<Record<string, string>> = {
  legacy: 'an old server',
  newer: 'a newer lanpost',
  conflict: 'CONTRADICTS ITSELF: somebody else answers under its id',
  twin: 'SAME ID ON TWO MACHINES',
  mdns: 'seen by mDNS only, UDP was not answered',
};

function transferLine({ event, as, identical, size }: TransferAnswer, style: Style): string {
  const name = event === 'stored' ? `stored as ${quote(as)}` : quote(as);
  const how = identical ? 'identical, nothing written' : `verified  ${sizeText(size, style)}`;
  return identical && event === 'stored' ? `${quote(as)}  ${how}` : `${name}  ${how}`;
}

function folderLine({ as, files, bytes, ...counts }: FolderAnswer, style: Style): string {
  const { identical, skipped, failed } = counts;
  const marks = [
    ...(identical > 0 ? [`${identical} identical`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(failed > 0 ? [painted(`${failed} FAILED`, 'failure', style)] : []),
  ];
  const more = marks.length > 0 ? `  (${marks.join(', ')})` : '';
  return `${quote(as)}/  verified  ${counted([[files, 'file']])}  ${sizeText(bytes, style)}${more}`;
}

function summaryLine(
  { files, bytes, seconds, rate, place, ...counts }: SummaryAnswer,
  style: Style,
): string {
  const { identical, skipped, renamed, failed } = counts;
  const marks = [
    ...(identical > 0 ? [`${identical} identical`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
    ...(renamed > 0 ? [`${renamed} renamed`] : []),
    ...(failed > 0 ? [painted(`${failed} FAILED`, 'failure', style)] : []),
  ];
  // What is over in a blink needs no time.
  const speed =
    bytes > 0 && seconds >= 1
      ? ` in ${durationText(seconds * 1000)} (${sizeText(rate, style)}/s)`
      : '';
  const more = marks.length > 0 ? `; ${marks.join(', ')}` : '';
  const where = files > 0 ? `, now in ${quote(place)}` : '';
  return `in all ${counted([[files, 'file']])}  ${sizeText(bytes, style)}${speed}${where}${more}`;
}

/** Words behind what they are about; where the screen ends they go on below themselves. */
function titled(title: string, text: string, { columns }: Style): string {
  const indent = ' '.repeat(columnsOf(title) + 4);
  const [first = '', ...more] = wrapped(text, columns - indent.length);
  return [`  ${title}  ${first}\n`, ...more.map((line) => `${indent}${line}\n`)].join('');
}

function findingLines({ message, details, commands }: FindingAnswer, style: Style): string {
  const { columns } = style;
  const lines = [
    ...wrapped(message, columns),
    ...details.flatMap((line) => wrappedHint(`  ${line}`, columns)),
    // In one piece, so that it can be copied.
    ...commands.map((line) => `  $ ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

function counted(counts: readonly (readonly [number, string])[]): string {
  return counts
    .filter(([count], at) => count > 0 || (at === 0 && counts.length === 1))
    .map(([count, word]) => `${count} ${word}${count === 1 ? '' : 's'}`)
    .join(', ');
}

/** A sentence behind the name of the program, broken between words where the screen ends. */
export function failureLine(text: string, style: Style): string {
  const name = 'lanpost:';
  const [head = '', ...rest] = text.split(' ');
  const [first = '', ...more] = wrappedWords([`${name} ${head}`, ...rest], style.columns);
  const begin = `${painted(name, 'failure', style)}${first.slice(name.length)}`;
  return `${[begin, ...more].join('\n')}\n`;
}

function failedLines(
  { path, message, hint }: FailedAnswer,
  from: string | undefined,
  style: Style,
): string {
  const whose = from === undefined ? '' : `${quote(from)}: `;
  const what = path === null ? '' : `${path === '' ? '""' : quote(path)}: `;
  const hints = hint === undefined ? [] : hint.split('\n');
  const advice = hints.flatMap((one) => wrappedHint(one, style.columns - 2));
  return [
    failureLine(`${whose}${what}${message}`, style),
    ...advice.map((line) => `  ${line}\n`),
  ].join('');
}

function servingLines(
  { name, id, port, addresses, folder, open, mode }: Extract<Answer, { event: 'serving' }>,
  style: Style,
): string {
  const places = addresses.map((address) => placeText(address, port));
  const lines: [string, string][] = [
    ['folder', quote(folder)],
    ...(places.length > 0
      ? places.map((place, index): [string, string] => [index === 0 ? 'addresses' : '', place])
      : ([['port', String(port)]] satisfies [string, string][])),
    ['id', grouped(id)],
    ...(mode === 'share' ? [] : ([['mode', modeLines[mode]]] satisfies [string, string][])),
    ['you', mode === 'read-only' ? 'may read' : 'may read, write and replace'],
    ['peers', 'may do what each was given: lanpost peers'],
    ['strangers', open === 'no' ? 'are asked for the code' : `OPEN: ${strangersMay(open, mode)}`],
  ];
  const rows = lines.map(([what, text]) => titled(what.padEnd(9), text, style));
  return `${quote(name)}'s File Sharing Service\n${rows.join('')}`;
}

function strangersMay(open: 'read' | 'rw', mode: keyof typeof modeVerbs): string {
  return `anybody on this network may ${open === 'rw' ? modeVerbs[mode] : 'read'}`;
}

const modeVerbs = { share: 'read and write', 'read-only': 'read', inbox: 'bring files' } as const;
const modeLines = {
  'read-only': 'read-only: nobody may write',
  inbox: 'inbox: each machine brings files into a folder of its own, and sees none',
} as const;
