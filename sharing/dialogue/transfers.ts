import { SharingError } from '#sharing/errors.js';
import { openChunk } from '#sharing/session/chunks.js';
import type { TransferAction } from '#sharing/session/incoming.js';
import type { ChunkIntake } from '#sharing/transfer/intakes.js';
import type { Receiving } from '#sharing/transfer/receive.js';
import type { Sending } from '#sharing/transfer/send.js';
import type { Road } from '#sharing/transport/lane.js';

/** One file, or many, on the way out: what its receiver says is for it. */
type Outgoing = Pick<Sending, 'tell' | 'cancel'>;
/** The same on the way in. */
type Arriving = Pick<Receiving, 'tell' | 'intake' | 'cancel'> &
  Partial<Pick<Receiving, 'takeBeside'>>;

/** What a transfer speaks over, and how many lanes were asked for. */
export interface RoadEntry {
  readonly road: Road;
  asked: number;
  /** Lanes that we asked for as a client and were not given yet, in order; `thread`: for a thread of its own. */
  readonly wanted: ('lane' | 'thread')[];
}

/** The transfers of one connection, by id. */
export interface Transfers {
  readonly sending: Map<number, Outgoing>;
  readonly receiving: Map<number, Arriving>;
  readonly roads: Map<number, RoadEntry>;
  /** Hands something to the transfer it concerns. Throws SharingError `protocol` when that has not begun. */
  carryOut(action: TransferAction): Promise<void> | undefined;
}

export function transferTable(): Transfers {
  const sending = new Map<number, Outgoing>();
  const receiving = new Map<number, Arriving>();
  const roads = new Map<number, RoadEntry>();
  const chunks = openChunk();
  /** Where chunks go that come over the session's own connection. */
  const intakes = new WeakMap<Arriving, ChunkIntake>();

  function intakeOf(transfer: Arriving): ChunkIntake {
    const intake = intakes.get(transfer) ?? transfer.intake();
    intakes.set(transfer, intake);
    return intake;
  }

  function find<T>(table: ReadonlyMap<number, T>, id: number): T {
    const transfer = table.get(id);
    if (transfer) return transfer;
    throw new SharingError('protocol', `transfer ${id} has not begun`);
  }

  return {
    sending,
    receiving,
    roads,
    carryOut(action) {
      switch (action.do) {
        case 'tell-sending':
          find(sending, action.id).tell(action.message);
          return undefined;
        case 'tell-receiving':
          return find(receiving, action.id).tell(action.frame);
        case 'chunk':
          chunks.begin(action.header);
          return intakeOf(find(receiving, action.header.id)).chunk(action.header);
        case 'data': {
          const { id } = chunks.data(action.bytes.length);
          // A transfer that ended inside a chunk leaves the rest of it to be read past.
          const transfer = receiving.get(id);
          if (transfer) intakeOf(transfer).data(action.bytes);
          return undefined;
        }
      }
    },
  };
}

/** Starts actions in order, none waiting for the one before; a promise means that nothing more is to be read yet. */
export function inTurn<T>(
  actions: readonly T[],
  carryOut: (action: T) => Promise<void> | undefined,
): Promise<void> | undefined {
  let busy: Promise<void> | undefined;
  for (const action of actions) {
    const wait = carryOut(action);
    if (wait) busy = busy ? busy.then(() => wait) : wait;
  }
  return busy;
}
