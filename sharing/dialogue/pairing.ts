import { asSharingError, SharingError } from '#sharing/errors.js';
import type { KnownPeer } from '#sharing/identity/known.js';
import {
  pairingLimits,
  type CodeWindow,
  type NewCode,
  type PairingRun,
} from '#sharing/session/code-window.js';
import {
  pairAsClient,
  pairAsServer,
  type PairingChannel,
  type ServerPairing,
} from '#sharing/session/pairing.js';
import type { ServerAction, ServerRules } from '#sharing/session/server.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { Right } from '#sharing/wire/message.js';
import { refusalOf } from '#sharing/wire/refusal.js';
import { setTimeout as delay } from 'node:timers/promises';

/** What a server pairs with: its code, and what becomes of those who know it. */
export interface PairingDesk {
  readonly window: CodeWindow;
  /** Remembers a client whose proof was right; `name` is what it calls itself. Gives it as it is known now. */
  readonly store: (id: string, name: string) => Promise<KnownPeer>;
  /** A proof was judged: the code may be used, or burnt. */
  readonly onJudged: () => void;
  /** Makes a new code, good for `uses` devices. */
  readonly newCode: (uses: number) => NewCode;
}

export interface PairingOptions {
  readonly connection: Connection;
  readonly rules: ServerRules;
  readonly desk: PairingDesk;
  readonly channel: PairingChannel;
  readonly address: string;
  /** Milliseconds for a run, from the moment when the code is asked for. */
  readonly pairingTime: number;
  /** It is known from now on, and comes in; gives what it may do here. */
  readonly onPaired: (peer: KnownPeer) => readonly Right[];
}

/** The server's side of one run, from the question for the code on. A pending promise means: read no further. */
export interface ServerRun extends Disposable {
  share(share: Buffer): readonly ServerAction[];
  proof(proof: Buffer, name: string): Promise<readonly ServerAction[]>;
}

export function serverRun({
  connection,
  rules,
  desk,
  channel,
  address,
  pairingTime,
  onPaired,
}: PairingOptions): ServerRun {
  let run: PairingRun | undefined;
  let pairing: ServerPairing | undefined;
  const timer = setTimeout(giveUp, pairingTime);
  let proofTimer: NodeJS.Timeout | undefined;

  function giveUp(): void {
    const late = new SharingError('peer-silent', 'the code did not come in time');
    connection.close(late, { t: 'denied', ...refusalOf(late) });
  }

  function end(): void {
    clearTimeout(timer);
    clearTimeout(proofTimer);
    run?.[Symbol.dispose]();
  }

  function refuse(error: unknown): readonly ServerAction[] {
    end();
    return rules.refuse(asSharingError(error));
  }

  return {
    share(share) {
      try {
        run = desk.window.begin(address);
        // Few runs go on at once: whoever waits with its proof would keep the others out.
        proofTimer = setTimeout(giveUp, pairingLimits.proofTime);
        pairing = pairAsServer(run.code, channel, share);
        const message = { t: 'share', share: pairing.share.toString('hex') } as const;
        return [{ do: 'send', message }];
      } catch (error) {
        return refuse(error);
      }
    },
    async proof(proof, name) {
      // What takes time from now on is ours.
      clearTimeout(timer);
      clearTimeout(proofTimer);
      try {
        if (!run || !pairing) return [];
        for (let wait = run.wait(); wait > 0; wait = run.wait()) {
          await delay(wait, undefined, { signal: connection.signal });
        }
        // Nothing waits between counting and judging: parallel guesses all count.
        run.reserve();
        const ours = pairing.judge(proof);
        run.succeed();
        const peer = await desk.store(channel.clientId, name).catch((error: unknown) => {
          run?.giveBack();
          throw error;
        });
        end();
        const message = { t: 'proof', proof: ours.toString('hex') } as const;
        return [{ do: 'send', message }, ...rules.paired(onPaired(peer))];
      } catch (error) {
        return connection.signal.aborted ? [] : refuse(error);
      } finally {
        desk.onJudged();
      }
    },
    [Symbol.dispose]: end,
  };
}

/** The client's side of one run. */
export interface ClientRun {
  /** Sends our share; `name` is what the server calls itself. */
  begin(name: string): void;
  /** Proves that we know the code. */
  prove(serverShare: Buffer): void;
  /** Judges the server's proof, then remembers the server. */
  finish(serverProof: Buffer): Promise<void>;
}

export function clientRun(
  connection: Connection,
  code: string,
  channel: PairingChannel,
  store: (name: string) => Promise<void>,
): ClientRun {
  const pairing = pairAsClient(code, channel);
  let called = '';
  return {
    begin(name) {
      called = name;
      connection.send({ t: 'share', share: pairing.share.toString('hex') });
    },
    prove(serverShare) {
      connection.send({ t: 'proof', proof: pairing.prove(serverShare).toString('hex') });
    },
    async finish(serverProof) {
      pairing.accept(serverProof);
      await store(called);
    },
  };
}
