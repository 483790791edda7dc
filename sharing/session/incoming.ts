import { SharingError } from '#sharing/errors.js';
import type { ChunkHeader, Digests } from '#sharing/wire/frame.js';
import type { Message, UnknownMessage } from '#sharing/wire/message.js';

/** What may arrive on a connection, once frames are decoded; heartbeats never get this far. */
export type Incoming =
  | Message
  | UnknownMessage
  | ({ readonly t: 'chunk' } & ChunkHeader)
  | { readonly t: 'data'; readonly bytes: Buffer }
  | ({ readonly t: 'digests' } & Digests);

/** What the receiver of files says to their sender. */
export type FromReceiver = Extract<
  Message,
  { t: 'want' | 'got' | 'receipt' | 'receipts' | 'placed' | 'fail' | 'finished' | 'stop' }
>;

/** What the sender of files says to their receiver, apart from the chunks themselves. */
export type FromSender =
  | ({ readonly t: 'digests' } & Digests)
  | Extract<Message, { t: 'offer' | 'end' | 'fail' | 'stop' }>;

/** What concerns transfers and means the same on both sides. */
export type TransferAction =
  | { readonly do: 'tell-sending'; readonly id: number; readonly message: FromReceiver }
  | { readonly do: 'tell-receiving'; readonly id: number; readonly frame: FromSender }
  | { readonly do: 'chunk'; readonly header: ChunkHeader }
  | { readonly do: 'data'; readonly bytes: Buffer };

export type Direction = 'sending' | 'receiving';

/**
 * Where a transfer message belongs (PROTOCOL.md, "Transfer"): `directionOf` tells what a transfer id
 * is here, `isPast` whether it was one. Undefined for a message that concerns no transfer. Throws
 * SharingError `protocol` for a message that this side cannot get for that id.
 */
export function routeTransfer(
  incoming: Incoming,
  directionOf: (id: number) => Direction | undefined,
  isPast: (id: number) => boolean,
): readonly TransferAction[] | undefined {
  switch (incoming.t) {
    case 'want':
    case 'got':
    case 'receipt':
    case 'receipts':
    case 'placed':
    case 'finished':
      return toSending(incoming);
    case 'fail':
    case 'stop':
      if (directionOf(incoming.id) !== 'receiving') return toSending(incoming);
      return [{ do: 'tell-receiving', id: incoming.id, frame: incoming }];
    case 'offer':
      // The next page of a batch; the first begins it.
      if (directionOf(incoming.id) === 'receiving') {
        return [{ do: 'tell-receiving', id: incoming.id, frame: incoming }];
      }
      return incoming.batch === true && isPast(incoming.id) ? [] : undefined;
    case 'end':
    case 'digests':
      if (incoming.t === 'end' && directionOf(incoming.id) === undefined && isPast(incoming.id)) {
        return [];
      }
      mustReceive(incoming);
      return [{ do: 'tell-receiving', id: incoming.id, frame: incoming }];
    case 'chunk':
      mustReceive(incoming);
      return [{ do: 'chunk', header: incoming }];
    case 'data':
      return [{ do: 'data', bytes: incoming.bytes }];
    default:
      return undefined;
  }

  function toSending(message: FromReceiver): readonly TransferAction[] {
    const { id } = message;
    if (directionOf(id) === 'sending') return [{ do: 'tell-sending', id, message }];
    // A word that crossed our own last one is late, not wrong.
    if (isPast(id)) return [];
    throw new SharingError('protocol', `a report on transfer ${id}, which is none`);
  }

  function mustReceive({ t, id }: { readonly t: string; readonly id: number }): void {
    if (directionOf(id) === 'receiving') return;
    throw new SharingError('protocol', `${t} for transfer ${id}, which is not received here`);
  }
}
