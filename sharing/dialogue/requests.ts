import { asSharingError, type SharingError } from '#sharing/errors.js';
import type { ClientAction, ClientRules } from '#sharing/session/client.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { EntryRow, OfferRow } from '#sharing/wire/message.js';

/** What one request waits for. */
export interface Request {
  readonly rows?: (rows: readonly EntryRow[], more: boolean) => Promise<void> | undefined;
  readonly offered?: (offer: OfferRow) => void;
  /** The server ended the request, or the connection is gone. */
  readonly refused: (error: SharingError) => void;
}

type Answer = Extract<ClientAction, { readonly do: 'rows' | 'offered' | 'refused' }>;

/** The requests of one client that are not answered completely. */
export interface Requests {
  /** Begins a request and gives its id. Throws the reason when the connection is closed. */
  begin(work: 'listing' | 'getting' | 'sending', request: (id: number) => Request): number;
  /** Hands an answer to whoever waits for it. */
  answer(action: Answer): Promise<void> | undefined;
  /** Nobody waits for the rest; the server may still be answering. */
  forget(id: number): void;
  /** The server has said its last word. */
  done(id: number): void;
}

export function requestTable({ signal }: Connection, rules: ClientRules): Requests {
  const waiting = new Map<number, Request>();
  signal.addEventListener(
    'abort',
    () => {
      for (const { refused } of waiting.values()) refused(asSharingError(signal.reason));
    },
    { once: true },
  );

  return {
    begin(work, request) {
      signal.throwIfAborted();
      const id = rules.begin(work);
      waiting.set(id, request(id));
      return id;
    },
    answer(action) {
      const request = waiting.get(action.id);
      switch (action.do) {
        case 'rows':
          if (!action.more) rules.done(action.id);
          // A list that was broken off still arrives; its rows are read past.
          return request?.rows?.(action.rows, action.more);
        case 'offered':
          request?.offered?.(action.offer);
          return undefined;
        case 'refused':
          rules.done(action.id);
          request?.refused(action.error);
          return undefined;
      }
    },
    forget: (id) => {
      waiting.delete(id);
    },
    done(id) {
      waiting.delete(id);
      rules.done(id);
    },
  };
}
