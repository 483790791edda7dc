import { asSharingError, SharingError } from '#sharing/errors.js';
import type { ClientAction, ClientRules } from '#sharing/session/client.js';
import type { NewCode } from '#sharing/session/code-window.js';
import { patience, watchStall, type StallWatch } from '#sharing/transfer/stall.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { MessageOf } from '#sharing/wire/message.js';

/** What one request waits for. */
export interface Request {
  readonly listed?: (page: MessageOf<'entries'>) => Promise<void> | undefined;
  readonly offered?: (offer: MessageOf<'offer'>) => void;
  readonly told?: (state: MessageOf<'state'>) => void;
  readonly coded?: (fresh: NewCode) => void;
  /** The server ended the request, or the connection is gone before it has begun to move anything. */
  readonly refused: (error: SharingError) => void;
}

type Answer = Extract<
  ClientAction,
  { readonly do: 'listed' | 'offered' | 'refused' | 'coded' | 'told' }
>;

/** The requests of one client that are not answered completely. */
export interface Requests {
  /** Begins a request and gives its id. Throws the reason when the connection is closed. */
  begin(
    work: 'listing' | 'getting' | 'coding' | 'stopping' | 'status' | 'sending',
    request: (id: number) => Request,
  ): number;
  /** Hands an answer to whoever waits for it. */
  answer(action: Answer): Promise<void> | undefined;
  /** Nobody waits for the rest; the server may still be answering. */
  forget(id: number): void;
  /** The server has said its last word. */
  done(id: number): void;
}

/** `stallTime` is in milliseconds. */
export function requestTable(
  connection: Connection,
  rules: ClientRules,
  stallTime: number,
): Requests {
  const { signal } = connection;
  const waiting = new Map<number, Request>();
  const watches = new Map<number, StallWatch>();

  function watch(id: number): void {
    const stalled = new SharingError('stalled', 'the server does not answer');
    const waiting = (): number => (connection.listening() ? patience.answer : 0);
    const one = watchStall(stallTime, waiting, () => {
      connection.close(stalled, { t: 'bye' });
    });
    watches.set(id, one);
  }

  function unwatch(id: number): void {
    watches.get(id)?.[Symbol.dispose]();
    watches.delete(id);
  }

  signal.addEventListener(
    'abort',
    () => {
      // A transfer that has begun hears of it by its road: what is all here goes on to the end.
      for (const id of [...watches.keys()]) {
        unwatch(id);
        waiting.get(id)?.refused(asSharingError(signal.reason));
      }
    },
    { once: true },
  );

  return {
    begin(work, request) {
      signal.throwIfAborted();
      const id = rules.begin(work);
      waiting.set(id, request(id));
      // A put is watched by the transfer itself, from its offer on.
      if (work !== 'sending') watch(id);
      return id;
    },
    answer(action) {
      const request = waiting.get(action.id);
      switch (action.do) {
        case 'listed':
          watches.get(action.id)?.moved();
          if (!action.page.more) {
            unwatch(action.id);
            rules.done(action.id);
          }
          // A list that was broken off still arrives; its rows are read past.
          return request?.listed?.(action.page);
        case 'offered':
          request?.offered?.(action.offer);
          // Not before: an offer that is a breach must end the request with the connection.
          unwatch(action.id);
          return undefined;
        case 'coded':
          unwatch(action.id);
          rules.done(action.id);
          waiting.delete(action.id);
          request?.coded?.(action.fresh);
          return undefined;
        case 'told':
          watches.get(action.id)?.moved();
          if (!action.state.more) {
            unwatch(action.id);
            rules.done(action.id);
            waiting.delete(action.id);
          }
          request?.told?.(action.state);
          return undefined;
        case 'refused':
          unwatch(action.id);
          rules.done(action.id);
          waiting.delete(action.id);
          request?.refused(action.error);
          return undefined;
      }
    },
    forget: (id) => {
      waiting.delete(id);
    },
    done(id) {
      unwatch(id);
      waiting.delete(id);
      rules.done(id);
    },
  };
}
