import type { ClientAnswer, StatusAnswer } from './answer.js';
import { padTo } from './columns.js';
import { durationText, timeText } from './format.js';
import { quote } from './quote.js';
import { folded, sizeText, type Style } from './style.js';
import { whoFully } from './who.js';

/** How a server stands, as a block of lines for people. */
export function statusLines(status: StatusAnswer, style: Style): string {
  const shown = (bytes: number): string => sizeText(bytes, style);
  const { name, port, pid, folder, uptime, clients, maxClients, transfers } = status;
  const { filesIn, bytesIn, filesOut, bytesOut, refused, paired } = status;
  const { free, keepFree, quota, maxFileSize } = status;
  const rows = [
    ['folder', quote(folder)],
    ['port', `${port}  (process ${pid})`],
    ['up', durationText(uptime * 1000)],
    ['sent', `${filesText(filesOut)}  ${shown(bytesOut)}`],
    ['received', `${filesText(filesIn)}  ${shown(bytesIn)}`],
    ['paired', `${paired} since it began`],
    ['refused', `${refused} since it began`],
    ['room', free === null ? 'unknown' : `${shown(free)} free, ${shown(keepFree)} of it stay free`],
    ['limits', `${limitText(maxFileSize, style)} a file, ${limitText(quota, style)} a machine`],
    ['transfers', String(transfers)],
    ['clients', `${clients} of ${maxClients}`],
  ] as const;
  const lines = rows.map(([what, text]) => folded(`  ${what.padEnd(9)}  ${text}`, style));
  return `${[`${quote(name)}'s File Sharing Service`, ...lines].join('\n')}\n`;
}

/** Who somebody is, where it comes from, what it may do, since when. */
export function clientLine(client: ClientAnswer): string {
  const { address, as, rights, since } = client;
  const may = as === 'owner' ? 'the owner' : rights.join(', ') || 'no rights';
  const came = timeText(Date.parse(since) * 1000);
  return `  ${padTo(whoFully(client), 20)}  ${padTo(quote(address), 15)}  ${padTo(may, 20)}  since ${came}`;
}

function filesText(count: number): string {
  return `${count} file${count === 1 ? '' : 's'}`;
}

/** Some limits are as good as none. */
function limitText(bytes: number, style: Style): string {
  return bytes >= 2 ** 50 ? 'any size' : sizeText(bytes, style);
}
