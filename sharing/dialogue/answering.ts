import { transferTable } from '#sharing/dialogue/transfers.js';
import { asSharingError, SharingError } from '#sharing/errors.js';
import type { Observe } from '#sharing/events.js';
import type { SendOutcome } from '#sharing/session/sending.js';
import type { ServerAction, ServerRules } from '#sharing/session/server.js';
import type { LandingArea } from '#sharing/storage/area.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import {
  pathText,
  safeName,
  safePath,
  type SafeName,
  type SafePath,
} from '#sharing/storage/path.js';
import type { Room } from '#sharing/storage/room.js';
import type { Share } from '#sharing/storage/share.js';
import { startReceiving, type ReceiveOutcome } from '#sharing/transfer/receive.js';
import { startSending } from '#sharing/transfer/send.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { EntryRow, OfferRow } from '#sharing/wire/message.js';
import { fromWireCode, refusalOf } from '#sharing/wire/refusal.js';
import { randomBytes } from 'node:crypto';

export interface AnsweringOptions {
  readonly connection: Connection;
  readonly rules: ServerRules;
  readonly share: Share;
  readonly area: () => Promise<LandingArea>;
  readonly room: Room;
  readonly clientId: string;
  /** Number of the session, for the events. */
  readonly session: number;
  readonly receivedPrefix: string;
  /** Milliseconds until the hello must be here. */
  readonly helloTime: number;
  /** Milliseconds without movement after which a transfer, and its connection, is given up. */
  readonly stallTime: number;
  readonly observe: Observe;
}

/** The server's side of one session: carries out what its rules decide, until the connection ends. */
export async function answer(options: AnsweringOptions): Promise<SharingError | undefined> {
  const { connection, rules, share, area, room, session, observe, stallTime } = options;
  const transfers = transferTable();
  const running = new Set<Promise<void>>();

  const helloTimer = setTimeout(() => {
    connection.close(new SharingError('peer-silent', 'no hello'), {
      t: 'denied',
      code: 'peer-silent',
      message: 'no hello came',
    });
  }, options.helloTime);

  connection.receive((incoming) => {
    clearTimeout(helloTimer);
    let busy: Promise<void> | undefined;
    for (const action of rules.receive(incoming)) {
      const wait = carryOut(action);
      if (wait) busy = busy ? busy.then(() => wait) : wait;
    }
    return busy;
  });

  const end = await connection.closed;
  clearTimeout(helloTimer);
  await Promise.allSettled(running);
  return end;

  function carryOut(action: ServerAction): Promise<void> | undefined {
    switch (action.do) {
      case 'send':
        connection.send(action.message);
        return undefined;
      case 'close':
        connection.close(action.error, action.last);
        return undefined;
      case 'list':
        run(action.id, action.path, () => list(action.id, action.path));
        return undefined;
      case 'serve':
        run(action.id, action.path, () => serve(action.id, action.path));
        return undefined;
      case 'accept':
        accept(action.id, action.offer, action.as);
        return undefined;
      default:
        return transfers.carryOut(action);
    }
  }

  /** One request that is worked on while the connection goes on; its failure is its own. */
  function run(id: number, path: SafePath, work: () => Promise<void>): void {
    const done = work()
      .catch((error: unknown) => {
        if (connection.signal.aborted) return;
        refuse(id, pathText(path), asSharingError(error));
      })
      .finally(() => {
        rules.done(id);
        running.delete(done);
      });
    running.add(done);
  }

  function refuse(id: number, path: string, error: SharingError): void {
    connection.send({ t: 'error', id, ...refusalOf(error) });
    observe({ event: 'file-failed', session, path, code: error.code, message: error.message });
  }

  async function list(id: number, path: SafePath): Promise<void> {
    for await (const page of share.list(path)) {
      const rows = page.map(({ name, type, size, mtime }): EntryRow => [name, type, size, mtime]);
      await connection.drained();
      if (connection.signal.aborted) return;
      for (const part of fitting(rows))
        connection.send({ t: 'entries', id, rows: part, more: true });
    }
    connection.send({ t: 'entries', id, rows: [], more: false });
    observe({ event: 'listed', session, path: pathText(path) });
  }

  async function serve(id: number, path: SafePath): Promise<void> {
    const began = performance.now();
    const source = await share.open(path);
    const { size, mtime, tag } = source;
    const sending = startSending(connection, {
      id,
      file: 0,
      source,
      algorithm: algorithm(),
      stallTime,
    });
    transfers.sending.set(id, sending);
    connection.send({ t: 'offer', id, files: [[pathText(path), size, mtime, tag]], more: false });
    try {
      report(pathText(path), size, await sending.outcome, performance.now() - began);
    } finally {
      transfers.sending.delete(id);
    }
  }

  function accept(id: number, [offered, size, mtime, tag]: OfferRow, as?: string): void {
    const began = performance.now();
    let name: SafeName;
    try {
      name = receivedName(offered, as);
    } catch (error) {
      refuse(id, offered, asSharingError(error));
      rules.done(id);
      return;
    }
    const receiving = startReceiving(connection, {
      id,
      file: 0,
      area,
      room,
      name,
      size,
      mtime,
      tag,
      peer: options.clientId,
      algorithm: algorithm(),
      token: randomBytes(16).toString('hex'),
      stallTime,
    });
    transfers.receiving.set(id, receiving);
    const done = receiving.outcome
      .then((outcome) => {
        reportReceived(offered, outcome, performance.now() - began);
      })
      .catch(() => undefined)
      .finally(() => {
        transfers.receiving.delete(id);
        rules.done(id);
        running.delete(done);
      });
    running.add(done);
  }

  function receivedName(offered: string, as: string | undefined): SafeName {
    const last = safePath(offered).at(-1);
    if (last === undefined) throw new SharingError('name-refused', 'an empty name');
    return safeName(as ?? `${options.receivedPrefix}${last}`);
  }

  function algorithm(): DigestAlgorithm {
    const agreed = rules.digest();
    if (!agreed) throw new SharingError('internal', 'a transfer before the welcome');
    return agreed;
  }

  function report(path: string, size: number, outcome: SendOutcome, took: number): void {
    switch (outcome.kind) {
      case 'stored': {
        const { as, digest } = outcome;
        observe({ event: 'file-out', session, path, as, size, digest, took });
        return;
      }
      case 'failed': {
        const code = fromWireCode(outcome.code);
        observe({ event: 'file-failed', session, path, code, message: outcome.message });
        return;
      }
      default:
        observe({ event: 'file-same', session, path, as: outcome.as });
    }
  }

  function reportReceived(path: string, outcome: ReceiveOutcome, took: number): void {
    switch (outcome.kind) {
      case 'received': {
        const { as, size, digest } = outcome;
        observe({ event: 'file-in', session, path, as, size, digest, took });
        return;
      }
      case 'identical':
        observe({ event: 'file-same', session, path, as: outcome.as });
        return;
      case 'failed': {
        const { code, message } = outcome.error;
        observe({ event: 'file-failed', session, path, code, message });
      }
    }
  }
}

/** Bytes of rows that one message holds for sure. */
const pageLength = 48 * 1024;

/** Cuts a page so that each part fits into one message, however long its names are. */
function fitting(rows: readonly EntryRow[]): EntryRow[][] {
  const parts: EntryRow[][] = [];
  let part: EntryRow[] = [];
  let length = 0;
  for (const row of rows) {
    const rowLength = Buffer.byteLength(JSON.stringify(row)) + 1;
    if (length + rowLength > pageLength) {
      parts.push(part);
      part = [];
      length = 0;
    }
    part.push(row);
    length += rowLength;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
