import { joinLane, laneFor, type LaneTokens } from '#sharing/dialogue/lanes.js';
import { serverRun, type PairingDesk, type ServerRun } from '#sharing/dialogue/pairing.js';
import {
  fileFailed,
  listFolder,
  receiveFile,
  sendFile,
  type Service,
} from '#sharing/dialogue/serving.js';
import { receiveMany, sendList, sendMany } from '#sharing/dialogue/serving-many.js';
import { inTurn } from '#sharing/dialogue/transfers.js';
import { asSharingError, SharingError } from '#sharing/errors.js';
import type { KnownPeer } from '#sharing/identity/known.js';
import type { PairingChannel } from '#sharing/session/pairing.js';
import type { ServerAction } from '#sharing/session/server.js';
import { pathText } from '#sharing/storage/path.js';
import type { Receiver } from '#sharing/transport/reading.js';
import type { Right } from '#sharing/wire/message.js';
import { refusalOf } from '#sharing/wire/refusal.js';

export interface AnsweringOptions extends Service {
  /** Milliseconds until the hello must be here. */
  readonly helloTime: number;
  /** Where strangers prove that they know the code. */
  readonly desk: PairingDesk;
  readonly channel: PairingChannel;
  readonly address: string;
  /** Milliseconds for a run of pairing, from the moment when the code is asked for. */
  readonly pairingTime: number;
  /** It has paired, and is let in; gives what it may do here. */
  readonly onPaired: (peer: KnownPeer) => readonly Right[];
  readonly lanes: LaneTokens;
  /** It is about to be welcomed; gives the reason why it must not be. */
  readonly onWelcome: () => SharingError | undefined;
  /** The connection is a lane of another one's transfer, and no session; then it has got its transfer. */
  readonly onLane: () => void;
  readonly onJoined: () => void;
  /** The owner wants to know how the server stands. */
  readonly onStatus: (id: number) => Promise<void>;
  /** The owner wants the server to stop. */
  readonly onShutdown: () => void;
}

type ServeAction = Extract<ServerAction, { readonly do: 'serve' }>;

/**
 * The server's side of one session: carries out what its rules decide, until the connection ends. Gives
 * the reason of the end, undefined after a friendly one.
 */
export async function answer(options: AnsweringOptions): Promise<SharingError | undefined> {
  const { connection, rules, session, observe, transfers, desk } = options;
  const running = new Set<Promise<void>>();
  let pairing: ServerRun | undefined;
  let lane: Receiver | undefined;

  const helloTimer = setTimeout(() => {
    const error = new SharingError('peer-silent', 'no hello came');
    connection.close(error, { t: 'denied', ...refusalOf(error) });
  }, options.helloTime);

  connection.receive((incoming) => {
    clearTimeout(helloTimer);
    return lane ? lane(incoming) : inTurn(rules.receive(incoming), carryOut);
  });
  const end = await connection.closed;
  clearTimeout(helloTimer);
  pairing?.[Symbol.dispose]();
  await Promise.allSettled(running);
  return end;

  function carryOut(action: ServerAction): Promise<void> | undefined {
    switch (action.do) {
      case 'send': {
        const refusal = action.message.t === 'welcome' ? options.onWelcome() : undefined;
        if (refusal) connection.close(refusal, { t: 'denied', ...refusalOf(refusal) });
        else connection.send(action.message);
        return undefined;
      }
      case 'close':
        connection.close(action.error, action.last);
        return undefined;
      case 'list':
        run(action.id, pathText(action.path), () => listFolder(options, action.id, action.path));
        return undefined;
      case 'serve':
        run(action.id, pathText(action.path), () => serve(action));
        return undefined;
      case 'serve-list':
        run(action.id, action.paths[0]?.text ?? '', () => sendList(options, action));
        return undefined;
      case 'accept':
        run(action.id, action.offer[0], () => receiveFile(options, action));
        return undefined;
      case 'accept-batch':
        run(action.id, action.offer.files[0]?.[0] ?? '', () => receiveMany(options, action));
        return undefined;
      case 'pair':
        pairing = serverRun(options);
        connection.send({ t: 'pair', name: action.name });
        return undefined;
      case 'pair-share':
        return pairing && inTurn(pairing.share(action.share), carryOut);
      case 'pair-proof': {
        if (!pairing) return undefined;
        const judged = pairing.proof(action.proof, action.name);
        return follow(judged.then((actions) => inTurn(actions, carryOut)));
      }
      case 'lane': {
        const { id } = action;
        const token = laneFor(options.lanes, { clientId: options.clientId, id, transfers });
        if (token !== undefined) connection.send({ t: 'lane', id, token });
        return undefined;
      }
      case 'join':
        join(action.token);
        return undefined;
      case 'new-code': {
        const { id } = action;
        connection.send({ t: 'code', id, ...desk.newCode(action.uses) });
        return undefined;
      }
      case 'status':
        return follow(options.onStatus(action.id));
      case 'shutdown':
        options.onShutdown();
        return undefined;
      default:
        return transfers.carryOut(action);
    }
  }

  /** From now on this connection carries bytes of a transfer. */
  function join(token: string): void {
    options.onLane();
    try {
      const ticket = options.lanes.redeem(token, options.clientId);
      lane = joinLane(ticket.transfers, ticket.id, connection);
      connection.send({ t: 'ready' });
      options.onJoined();
    } catch (error) {
      const known = asSharingError(error);
      connection.close(known, { t: 'denied', ...refusalOf(known) });
    }
  }

  /** A file that has the path, or else what is in it, or matches it. */
  async function serve({ id, path, glob }: ServeAction): Promise<void> {
    try {
      await sendFile(options, id, path);
    } catch (error) {
      const code = error instanceof SharingError ? error.code : undefined;
      if (code === 'is-folder' && path.length > 0) await sendMany(options, id, path, false);
      else if (code === 'not-found' && glob) await sendMany(options, id, path, true);
      else throw error;
    }
  }

  /** One request that is worked on while the connection goes on; its failure is its own. */
  function run(id: number, path: string, work: () => Promise<void>): void {
    void follow(
      work()
        .catch((error: unknown) => {
          if (connection.signal.aborted) return;
          const lost = asSharingError(error);
          // Of its lane: that this session is there says the answer itself.
          const isLane = lost.code === 'connection-lost';
          const known = isLane ? new SharingError('peer-silent', lost.message) : lost;
          // What is no way to speak ends more than one request.
          if (known.code === 'protocol')
            connection.close(known, { t: 'error', ...refusalOf(known) });
          else connection.send({ t: 'error', id, ...refusalOf(known) });
          observe(fileFailed(session, path, known));
        })
        .finally(() => {
          rules.done(id);
        }),
    );
  }

  /** The session is over only when this is. */
  function follow(work: Promise<void>): Promise<void> {
    const done = work.finally(() => running.delete(done));
    running.add(done);
    return done;
  }
}
