import { networkInterfaces } from 'node:os';
import { liveNeighbourhood, type InterfaceTable } from './addresses.js';
import { createAnswering } from './answering.js';
import type { Observe } from './events.js';
import { listenOnLinks } from './listening-on-links.js';
import { keepListening, type ListeningState } from './listening.js';
import { openSocket, type OpenSocket } from './socket.js';
import type { Announcement } from './wire/announcement.js';

export type { ListeningState } from './listening.js';
export type { Announcement } from './wire/announcement.js';

export interface Responder extends AsyncDisposable {
  /** Of IPv4: IPv6 is one more way, and its failures stop nothing. */
  state(): ListeningState;
}

export interface ResponderOptions {
  /** UDP. 0: any free one, named by the event `responder-listening`. */
  readonly port: number;
  /** Read for each reply. */
  readonly announcement: () => Announcement;
  readonly observe: Observe;
  /** 0 up to, not including, 1. */
  readonly random?: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  readonly interfaces?: () => InterfaceTable;
}

/**
 * Answers probes until it is disposed, over IPv4 and, where there is some, IPv6. Resolves after the first attempts to
 * bind, whatever came of them, and never rejects: see `state()` and the events. Source: PROTOCOL.md, Responder.
 */
export async function startResponder(
  options: ResponderOptions,
  open: OpenSocket = openSocket,
): Promise<Responder> {
  const { port, observe, random = Math.random, now = () => performance.now() } = options;
  const { announcement, interfaces = networkInterfaces } = options;
  const neighbourhood = liveNeighbourhood({ now, interfaces });
  const answering = createAnswering({ announcement, observe, neighbourhood, random, now });
  const common = { answering, observe, now, open };
  const ipv4 = await keepListening({ ...common, address: '0.0.0.0', port });
  const ipv6 = await listenOnLinks({ ...common, interfaces, port: ipv4.socket()?.port ?? port });

  async function stop(): Promise<void> {
    answering.stop();
    await Promise.all([ipv4[Symbol.asyncDispose](), ipv6[Symbol.asyncDispose]()]);
    observe(answering.summary());
  }

  let stopped: Promise<void> | undefined;
  return { state: () => ipv4.state(), [Symbol.asyncDispose]: () => (stopped ??= stop()) };
}
