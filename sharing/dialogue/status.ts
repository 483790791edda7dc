import type { Ledger } from '#sharing/dialogue/ledger.js';
import { inPages } from '#sharing/dialogue/pages.js';
import { freeBytes, type SharedRoomLimits } from '#sharing/storage/room.js';
import type { Share } from '#sharing/storage/share.js';
import type { Connection } from '#sharing/transport/connection.js';
import { maxRows, type ClientRow, type Figures, type TransferRow } from '#sharing/wire/message.js';

/** What a server looks at when its owner asks how it stands. */
export interface StatusOptions {
  readonly connection: Connection;
  readonly ledger: Ledger;
  readonly share: Share;
  readonly limits: SharedRoomLimits & { readonly maxClients: number };
  /** The session that asks; it is not counted. */
  readonly session: number;
}

/**
 * Tells the owner who is there and what moves, page by page: of clients and of transfers the first 500, and how many
 * there are in all (PROTOCOL.md, "Session").
 */
export async function tellStatus(options: StatusOptions, id: number): Promise<void> {
  const { connection, ledger, session } = options;
  const free = await freeIn(options.share);
  const { uptime, clients: all, transfers, totals } = ledger.read();
  const clients = all.filter((one) => one.session !== session);
  const who = new Map(all.map((one) => [one.session, one]));
  const clientRows = clients.slice(0, maxRows).map((one): ClientRow => {
    const { name, address, as, rights, since } = one;
    return { id: one.id, name, address, as, rights: [...rights], since };
  });
  const transferRows = transfers.slice(0, maxRows).flatMap((one): TransferRow[] => {
    const { session: of, ...rest } = one;
    const client = who.get(of);
    return client ? [{ id: client.id, name: client.name, ...rest }] : [];
  });
  const figures: Figures = {
    uptime: Math.round(uptime),
    clients: clients.length,
    transfers: transfers.length,
    ...totals,
    ...limitsOf(options),
    ...(free !== undefined && { free }),
  };
  for (const page of inPages(clientRows)) {
    connection.send({ t: 'state', id, clients: page, transfers: [], more: true });
  }
  for (const page of inPages(transferRows)) {
    connection.send({ t: 'state', id, clients: [], transfers: page, more: true });
  }
  connection.send({ t: 'state', id, clients: [], transfers: [], more: false, figures });
}

function limitsOf({
  limits,
}: StatusOptions): Pick<Figures, 'maxClients' | 'maxFileSize' | 'quota' | 'keepFree'> {
  const { maxClients, maxFileSize, quota, keepFree } = limits;
  return { maxClients, maxFileSize, quota, keepFree };
}

/** Bytes that the disk of the share has left; undefined when it cannot say. */
async function freeIn({ root }: Share): Promise<number | undefined> {
  try {
    const free = await freeBytes(root);
    return free === Number.MAX_SAFE_INTEGER ? undefined : free;
  } catch {
    return undefined;
  }
}
