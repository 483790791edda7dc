import type { LeftOut } from '#sharing/batch/receive.js';
import type { ClientRun } from '#sharing/dialogue/pairing.js';
import { openLane } from '#sharing/dialogue/lanes.js';
import { list } from '#sharing/dialogue/listing.js';
import {
  get,
  put,
  putMany,
  type GetWish,
  type ManyMoved,
  type Moving,
  type PutManyOptions,
  type PutOptions,
} from '#sharing/dialogue/moving.js';
import type { ThreadPays } from '#sharing/dialogue/lane-wishes.js';
import { requestTable } from '#sharing/dialogue/requests.js';
import { stream, type StreamWish } from '#sharing/dialogue/streaming.js';
import { inTurn, transferTable } from '#sharing/dialogue/transfers.js';
import { asSharingError, SharingError } from '#sharing/errors.js';
import type { NewCode } from '#sharing/session/code-window.js';
import type { ClientAction, ClientRules } from '#sharing/session/client.js';
import type { SendOutcome } from '#sharing/session/sending.js';
import type { Page } from '#sharing/storage/share.js';
import type { Source } from '#sharing/storage/source.js';
import type { Beside, BesideWork } from '#sharing/transfer/beside.js';
import type { ReceiveOutcome } from '#sharing/transfer/receive.js';
import type { Connection } from '#sharing/transport/connection.js';
import {
  maxRows,
  type ClientRow,
  type Figures,
  type Message,
  type MessageOf,
  type TransferRow,
} from '#sharing/wire/message.js';
import { refusalOf } from '#sharing/wire/refusal.js';

export interface AskingOptions {
  readonly connection: Connection;
  readonly rules: ClientRules;
  /** Our own name, for the server's log. */
  readonly name: string;
  readonly serverId: string;
  /** Where it was reached, for messages. */
  readonly host: string;
  readonly port: number;
  /** Milliseconds until the welcome must be here. */
  readonly helloTime: number;
  readonly stallTime: number;
  readonly threadPays: ThreadPays;
  /** Opens one more connection to the same server. */
  readonly dial: (signal: AbortSignal) => Promise<Connection>;
  /** The same in a thread of its own, which takes chunks of a file that we get. */
  readonly takeBeside: (work: BesideWork, hello: Message) => Beside;
  /** What to do when the server asks for a code; undefined when there is none to give. */
  readonly pairing: ClientRun | undefined;
}

/** The client's side of one session, after the welcome. */
export interface Asking {
  readonly welcome: MessageOf<'welcome'>;
  list(path: string, signal?: AbortSignal): AsyncGenerator<Page, void, undefined>;
  get(path: string, wish: GetWish): Promise<ReceiveOutcome | ManyMoved>;
  stream(path: string, wish: StreamWish): Promise<ReceiveOutcome>;
  put(source: Source, options: PutOptions): Promise<SendOutcome>;
  putMany(options: PutManyOptions): Promise<LeftOut>;
  /** For the owner: a new code for pairing, good for `uses` devices. */
  newCode(uses: number): Promise<NewCode>;
  /** For the owner: who is there, what moves, and what did since the server began. */
  status(): Promise<ServerStatus>;
  /** For the owner: asks the server to stop; resolves when it has ended this session. */
  shutdown(): Promise<void>;
  bye(): Promise<void>;
}

/** How a server stands, as it tells its owner: of clients and transfers at most the first 500 each. */
export interface ServerStatus extends Figures {
  readonly rows: {
    readonly clients: readonly ClientRow[];
    readonly transfers: readonly TransferRow[];
  };
}

/** The server's welcome, judged. */
type Greeting = Extract<ClientAction, { readonly do: 'welcome' }>;

/**
 * Says hello and waits for the welcome. Throws SharingError with the server's reason when it does not let
 * us in, `unknown-server` when we do not know it, `not-lanpost` when it says nothing in time.
 */
export async function ask(options: AskingOptions): Promise<Asking> {
  const { connection, rules, serverId, stallTime } = options;
  const transfers = transferTable();
  const requests = requestTable(connection, rules, stallTime);
  let welcomed: (greeting: Greeting) => void = () => undefined;

  function carryOut(action: ClientAction): Promise<void> | undefined {
    switch (action.do) {
      case 'welcome':
        welcomed(action);
        return undefined;
      case 'close':
        connection.close(action.error, action.last);
        return undefined;
      case 'pair':
        if (options.pairing) options.pairing.begin(action.name);
        else
          connection.close(new SharingError('code-needed', 'the server asks for a code'), {
            t: 'bye',
          });
        return undefined;
      case 'pair-share':
        options.pairing?.prove(action.share);
        return undefined;
      case 'pair-proof':
        return options.pairing?.finish(action.proof);
      case 'laned':
        openOne(action.id, rules.laneHello(options.name, action.token));
        return undefined;
      case 'coded':
      case 'told':
      case 'listed':
      case 'offered':
      case 'refused':
        return requests.answer(action);
      default:
        return transfers.carryOut(action);
    }
  }

  /** The lane that was asked for, here or in a thread. */
  function openOne(id: number, hello: Message): void {
    const road = transfers.roads.get(id);
    // Its transfer is over.
    if (!road) return;
    const wanted = road.wanted.shift();
    if (wanted === undefined) throw new SharingError('protocol', 'a lane that nobody asked for');
    if (wanted === 'lane') void openLane({ ...options, transfers, id, hello });
    else void transfers.receiving.get(id)?.takeBeside?.((work) => options.takeBeside(work, hello));
  }

  connection.receive((incoming) => inTurn(rules.receive(incoming), carryOut));
  const { welcome, digest } = await greet(options, (done) => {
    welcomed = done;
  });
  const moving: Moving = {
    connection,
    requests,
    transfers,
    algorithm: digest,
    serverId,
    stallTime,
    threadPays: options.threadPays,
  };

  return {
    welcome,
    list: (path, signal) => list(connection, requests, path, signal),
    get: (path, wish) => get(moving, path, wish),
    stream: (path, wish) => stream(moving, path, wish),
    put: (source, wish) => put(moving, source, wish),
    putMany: (wish) => putMany(moving, wish),
    newCode: (uses) =>
      new Promise<NewCode>((resolve, reject) => {
        const id = requests.begin('coding', () => ({ coded: resolve, refused: reject }));
        connection.send({ t: 'new-code', id, uses });
      }),
    status: () =>
      new Promise<ServerStatus>((resolve, reject) => {
        const told = statusFrom(resolve, (error) => {
          connection.close(error, { t: 'error', ...refusalOf(error) });
        });
        const id = requests.begin('status', () => ({ told, refused: reject }));
        connection.send({ t: 'status', id });
      }),
    shutdown: () =>
      new Promise<void>((resolve, reject) => {
        const id = requests.begin('stopping', () => ({
          refused(error) {
            if (error.code === 'shutting-down') resolve();
            else reject(error);
          },
        }));
        connection.send({ t: 'shutdown', id });
      }),
    async bye() {
      rules.leave();
      connection.close(undefined, { t: 'bye' });
      await connection.closed;
    },
  };
}

/** Puts the pages of a status together; more of them than a server may send are none of a server. */
function statusFrom(
  done: (status: ServerStatus) => void,
  fail: (error: SharingError) => void,
): (state: MessageOf<'state'>) => void {
  const clients: ClientRow[] = [];
  const transfers: TransferRow[] = [];
  return (state) => {
    clients.push(...state.clients);
    transfers.push(...state.transfers);
    if (clients.length > maxRows || transfers.length > maxRows) {
      fail(new SharingError('protocol', 'a status without end'));
    } else if (state.figures) done({ ...state.figures, rows: { clients, transfers } });
  };
}

async function greet(
  { connection, rules, name, host, port, helloTime, pairing }: AskingOptions,
  onWelcome: (done: (greeting: Greeting) => void) => void,
): Promise<Greeting> {
  const { signal } = connection;
  const timer = setTimeout(() => {
    connection.close(new SharingError('not-lanpost', 'no answer to hello', { host, port }));
  }, helloTime);
  try {
    return await new Promise<Greeting>((resolve, reject) => {
      onWelcome(resolve);
      signal.addEventListener(
        'abort',
        () => {
          reject(asSharingError(signal.reason));
        },
        { once: true },
      );
      if (signal.aborted) reject(asSharingError(signal.reason));
      connection.send(rules.hello(name, pairing !== undefined));
    });
  } finally {
    clearTimeout(timer);
  }
}
