import { liveNeighbourhood, type InterfaceTable } from './addresses.js';
import { createAnswering } from './answering.js';
import type { Observe } from './events.js';
import { openSocket, type DatagramSocket, type OpenedSocket, type OpenSocket } from './socket.js';
import { createCounter } from './tally.js';
import { wait } from './wait.js';
import type { Announcement } from './wire/announcement.js';

export { cleanName } from './wire/name.js';
export type { Announcement } from './wire/announcement.js';

/**
 * - `listening`: probes are answered.
 * - `port-taken`: another program owns the port alone; tried again every 5 s.
 * - `rebuilding`: the socket failed; a new one follows after 1, 2, 4 up to 30 s.
 */
export type ResponderState = 'listening' | 'port-taken' | 'rebuilding';

export interface Responder extends AsyncDisposable {
  state(): ResponderState;
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

const anyAddress = '0.0.0.0';
const maxDatagramBytes = 512;
const inboxLimit = 1024;
const portTakenRetryMs = 5000;
const firstRebuildMs = 1000;
const longestRebuildMs = 30_000;
/** After this long the next failure is a new one, not the same one again. */
const soundAfterMs = 30_000;
const reportEveryMs = 60_000;

/**
 * Answers probes until it is disposed. Resolves after the first attempt to bind, whatever came of
 * it, and never rejects: see `state()` and the events. Source: PROTOCOL.md, Responder.
 */
export async function startResponder(
  options: ResponderOptions,
  open: OpenSocket = openSocket,
): Promise<Responder> {
  const { port, observe, random = Math.random, now = () => performance.now() } = options;
  const { announcement, interfaces } = options;
  const neighbourhood = liveNeighbourhood({ now, ...(interfaces && { interfaces }) });
  const answering = createAnswering({ announcement, observe, neighbourhood, random, now });
  const failures = createCounter<string>(reportEveryMs, now);
  const stopping = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;
  let current: DatagramSocket | undefined;
  let state: ResponderState = 'rebuilding';
  let rebuildMs = firstRebuildMs;

  function attempt(): Promise<OpenedSocket> {
    return open({
      address: anyAddress,
      port,
      reuseAddr: true,
      // Off, so that a forged broadcast source cannot make us broadcast.
      broadcast: false,
      inboxLimit,
      maxBytes: maxDatagramBytes,
      onDropped: (reason) => {
        answering.drop(reason === 'too-long' ? 'malformed' : reason);
      },
    });
  }

  async function keepListening(first: OpenedSocket): Promise<void> {
    let opened = first;
    while (true) {
      const code = opened.ok ? await listen(opened.socket) : opened.code;
      if (isStopping()) return;
      await wait(retryAfter(code, opened.ok), stopping.signal);
      if (isStopping()) return;
      opened = await attempt();
    }
  }

  async function listen(socket: DatagramSocket): Promise<string> {
    current = socket;
    const since = now();
    if (!isStopping()) {
      state = 'listening';
      observe({ kind: 'responder-listening', address: anyAddress, port: socket.port });
      await answering.serve(socket);
    }
    await socket[Symbol.asyncDispose]();
    if (now() - since >= soundAfterMs) rebuildMs = firstRebuildMs;
    return socket.failure() ?? 'UNKNOWN';
  }

  function retryAfter(code: string, wasListening: boolean): number {
    if (code === 'EADDRINUSE' && !wasListening) {
      if (state !== 'port-taken') {
        observe({ kind: 'port-taken', port, retryMs: portTakenRetryMs });
      }
      state = 'port-taken';
      return portTakenRetryMs;
    }
    const retryMs = rebuildMs;
    rebuildMs = Math.min(rebuildMs * 2, longestRebuildMs);
    state = 'rebuilding';
    if (failures.count(code) !== null) {
      observe({ kind: 'socket-failed', role: 'responder', address: anyAddress, code, retryMs });
    }
    return retryMs;
  }

  const running = keepListening(await attempt());

  async function stop(): Promise<void> {
    stopping.abort();
    answering.stop();
    await current?.[Symbol.asyncDispose]();
    await running;
    observe(answering.summary());
  }

  let stopped: Promise<void> | undefined;
  return { state: () => state, [Symbol.asyncDispose]: () => (stopped ??= stop()) };
}
