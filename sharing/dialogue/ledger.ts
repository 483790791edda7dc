import type { SharingEvent } from '#sharing/events.js';
import { rateMeter } from '#sharing/dialogue/rate.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import type { Right } from '#sharing/wire/message.js';

/** Somebody who is in; the name is foreign text, and only a peer's is one that we gave. */
export interface ClientStanding {
  readonly session: number;
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly as: 'owner' | 'peer' | 'open';
  readonly rights: readonly Right[];
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** A transfer under way, as the server sees it. */
export interface TransferStanding {
  readonly session: number;
  readonly direction: 'in' | 'out';
  /** Foreign text. */
  readonly path: string;
  /** Bytes that the receiving side has, and of all; while files are counted, of those counted so far. */
  readonly bytes: number;
  readonly size: number;
  /** Bytes a second. */
  readonly rate: number;
  /** Of many files in one transfer. */
  readonly files?: { readonly done: number; readonly of: number; readonly counted: boolean };
}

/** What happened since the server started; files and bytes of those that travelled to their end. */
export interface Totals {
  readonly filesIn: number;
  readonly filesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Who came and was not let in. */
  readonly refused: number;
  readonly paired: number;
}

/** How a server stands at one moment. */
export interface Standing {
  /** Milliseconds since it began. */
  readonly uptime: number;
  readonly clients: readonly ClientStanding[];
  readonly transfers: readonly TransferStanding[];
  readonly totals: Totals;
}

/** One transfer in the ledger, until it is disposed. */
export interface Track extends Disposable {
  readonly onProgress: OnProgress;
  /** A file of so many bytes has travelled to its end. */
  whole(bytes: number): void;
}

/** Who is at a server and what moves there: kept as it happens, read when somebody asks. */
export interface Ledger {
  /** Follows what the server tells of itself. */
  note(event: SharingEvent): void;
  /** `size` is in bytes, as far as it is known. */
  begin(session: number, direction: 'in' | 'out', path: string, size: number): Track;
  read(): Standing;
}

/** `now` is in milliseconds since 1970, `clock` in milliseconds of a clock that only goes forward. */
export function openLedger(now: () => number, clock: () => number): Ledger {
  const began = clock();
  const clients = new Map<number, ClientStanding>();
  const transfers = new Set<() => TransferStanding>();
  const totals = { filesIn: 0, filesOut: 0, bytesIn: 0, bytesOut: 0, refused: 0, paired: 0 };

  return {
    note(event) {
      switch (event.event) {
        case 'client-in': {
          const { session, id, name, address, as, rights } = event;
          clients.set(session, { session, id, name, address, as, rights, since: now() });
          break;
        }
        case 'client-rights': {
          const client = clients.get(event.session);
          if (client) clients.set(event.session, { ...client, rights: event.rights });
          break;
        }
        case 'client-out':
          clients.delete(event.session);
          break;
        case 'client-refused':
        case 'turned-away':
          totals.refused += 1;
          break;
        case 'paired':
          totals.paired += 1;
          break;
        default:
      }
    },
    begin(session, direction, path, size) {
      const meter = rateMeter(clock);
      let far: Pick<TransferStanding, 'bytes' | 'size' | 'files'> = { bytes: 0, size: told(size) };
      const standing = (): TransferStanding => {
        return { session, direction, path, ...far, rate: told(meter.rate()) };
      };
      transfers.add(standing);
      return {
        onProgress({ phase, bytes, size: all, files }) {
          const here = phase === 'comparing' ? 0 : bytes;
          far = { bytes: told(here), size: told(all), ...(files && { files }) };
          if (phase === 'sending') meter.at(bytes);
        },
        whole(bytes) {
          totals[direction === 'in' ? 'filesIn' : 'filesOut'] += 1;
          totals[direction === 'in' ? 'bytesIn' : 'bytesOut'] += bytes;
        },
        [Symbol.dispose]: () => {
          transfers.delete(standing);
        },
      };
    },
    read: () => ({
      uptime: clock() - began,
      clients: [...clients.values()],
      transfers: [...transfers].map((standing) => standing()),
      totals: {
        ...totals,
        bytesIn: told(totals.bytesIn),
        bytesOut: told(totals.bytesOut),
      },
    }),
  };
}

/** Sums of sizes that a peer names may be more than a message can say (PROTOCOL.md, "Messages"). */
function told(bytes: number): number {
  return Math.min(bytes, Number.MAX_SAFE_INTEGER);
}
