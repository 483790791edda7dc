import type { Standing } from '#sharing/server.js';
import { bytesText } from '#src/view/format.js';
import { movingRow } from '#src/view/moving.js';
import { whoText } from '#src/view/who.js';

/** Transfers that have a row of their own; of the others there is a count. */
const mostRows = 5;
/** What moves at a server now, as rows that are drawn over; empty when nothing does. */
export function movingRows({ clients, transfers }: Standing): string {
  const names = new Map(clients.map((client) => [client.session, whoText(client)]));
  const rows = transfers
    .slice(0, mostRows)
    .map((one) => `  ${movingRow(names.get(one.session) ?? '', one)}`);
  const rest = transfers.slice(mostRows);
  if (rest.length === 0) return rows.join('\n');
  const rate = rest.reduce((sum, one) => sum + one.rate, 0);
  return [...rows, `  and ${rest.length} more  ${bytesText(rate)}/s`].join('\n');
}
