import type { Neighbourhood } from './addresses.js';
import { createReplyBudget } from './budget.js';
import type { DropReason, Observe, ResponderEvent } from './events.js';
import { sendAfterClose, type Datagram, type DatagramSocket } from './socket.js';
import { createCounter } from './tally.js';
import { encodeAnnouncement, type Announcement } from './wire/announcement.js';
import { isProbe } from './wire/probe.js';

export interface AnsweringOptions {
  readonly announcement: () => Announcement;
  readonly observe: Observe;
  readonly neighbourhood: Neighbourhood;
  readonly random: () => number;
  readonly now: () => number;
}

/** From a datagram to a reply, or to a counted silence. */
export interface Answering {
  /** Takes datagrams until the socket ends. */
  serve(socket: DatagramSocket): Promise<void>;
  drop(reason: DropReason): void;
  /** Waiting replies are not sent any more. */
  stop(): void;
  summary(): Extract<ResponderEvent, { kind: 'responder-ended' }>;
}

const reportEveryMs = 60_000;

/** Applies the rules of PROTOCOL.md, Responder. Never throws and never waits for a send. */
export function createAnswering(options: AnsweringOptions): Answering {
  const { announcement, observe, neighbourhood, random, now } = options;
  const budget = createReplyBudget(now, random);
  const drops = createCounter<DropReason>(reportEveryMs, now);
  const sendErrors = createCounter<string>(reportEveryMs, now);
  const timers = new Set<NodeJS.Timeout>();
  let stopped = false;
  let answered = 0;

  async function serve(socket: DatagramSocket): Promise<void> {
    for await (const datagram of socket.datagrams) {
      if (!stopped) consider(datagram, socket);
    }
  }

  function consider({ bytes, address, port }: Datagram, socket: DatagramSocket): void {
    const silence = silenceFor(bytes, address, port);
    if (silence !== null) {
      drop(silence);
      return;
    }
    const admission = budget.admit(address, port);
    if (!admission.answer) {
      drop(admission.reason);
      return;
    }
    const timer = setTimeout(() => {
      timers.delete(timer);
      budget.replied(address, port);
      void reply(socket, address, port);
    }, admission.delayMs);
    timers.add(timer);
  }

  function silenceFor(bytes: Uint8Array, address: string, port: number): DropReason | null {
    if (!isProbe(bytes)) return 'malformed';
    // A forged source port 0 cannot be answered: sending to it is an exception, not an error code.
    if (port === 0) return 'source-port-zero';
    return neighbourhood.isNearby(address) ? null : 'off-link';
  }

  async function reply(socket: DatagramSocket, address: string, port: number): Promise<void> {
    const code = await socket.send(encodeAnnouncement(announcement()), port, address);
    if (code === null) {
      answered += 1;
      observe({ kind: 'probe-answered', address, port });
    } else if (code !== sendAfterClose) {
      const count = sendErrors.count(code);
      if (count === null) return;
      observe({ kind: 'send-failed', role: 'responder', destination: address, code, count });
    }
  }

  function drop(reason: DropReason): void {
    const count = drops.count(reason);
    // Every honest scan has some of these: each probe goes to two destinations.
    if (reason === 'already-waiting') return;
    if (count !== null) observe({ kind: 'probes-dropped', reason, count });
  }

  return {
    serve,
    drop,
    stop() {
      stopped = true;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
    summary: () => ({
      kind: 'responder-ended',
      answered,
      dropped: drops.totals(),
      sendErrors: sendErrors.totals(),
    }),
  };
}
