import type { Answering } from './answering.js';
import type { Observe } from './events.js';
import type { DatagramSocket, OpenedSocket, OpenSocket } from './socket.js';
import { createCounter } from './tally.js';
import { wait } from './wait.js';

/**
 * - `listening`: probes are answered.
 * - `port-taken`: another program owns the port alone; tried again every 5 s.
 * - `rebuilding`: the socket failed; a new one follows after 1, 2, 4 up to 30 s.
 */
export type ListeningState = 'listening' | 'port-taken' | 'rebuilding';

export interface ListeningOptions {
  /** `0.0.0.0` or `::`. */
  readonly address: string;
  /** UDP; 0: any free one. */
  readonly port: number;
  readonly answering: Answering;
  readonly observe: Observe;
  readonly now: () => number;
  readonly open: OpenSocket;
  /** Told of each socket as soon as it is bound. */
  readonly onSocket?: (socket: DatagramSocket) => void;
}

/** Probes of one family are answered until it is disposed. */
export interface Listening extends AsyncDisposable {
  state(): ListeningState;
  /** The socket that listens now, if one does. */
  socket(): DatagramSocket | undefined;
}

const maxDatagramBytes = 512;
const inboxLimit = 1024;
const portTakenRetryMs = 5000;
const firstRebuildMs = 1000;
const longestRebuildMs = 30_000;
/** After this long the next failure is a new one, not the same one again. */
const soundAfterMs = 30_000;
const reportEveryMs = 60_000;

/**
 * Keeps one socket open and answered, and opens a new one when it fails. Resolves after the first attempt to bind and
 * never rejects. Source: PROTOCOL.md, Responder.
 */
export async function keepListening(options: ListeningOptions): Promise<Listening> {
  const { address, port, answering, observe, now } = options;
  const failures = createCounter<string>(reportEveryMs, now);
  const stopping = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;
  let current: DatagramSocket | undefined;
  let state: ListeningState = 'rebuilding';
  let rebuildMs = firstRebuildMs;

  function attempt(): Promise<OpenedSocket> {
    return options.open({
      address,
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

  async function keepOn(first: OpenedSocket): Promise<void> {
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
      observe({ kind: 'responder-listening', address, port: socket.port });
      options.onSocket?.(socket);
      await answering.serve(socket);
    }
    current = undefined;
    await socket[Symbol.asyncDispose]();
    if (now() - since >= soundAfterMs) rebuildMs = firstRebuildMs;
    return socket.failure() ?? 'UNKNOWN';
  }

  function retryAfter(code: string, wasListening: boolean): number {
    if (code === 'EADDRINUSE' && !wasListening) {
      if (state !== 'port-taken') {
        observe({ kind: 'port-taken', address, port, retryMs: portTakenRetryMs });
      }
      state = 'port-taken';
      return portTakenRetryMs;
    }
    const retryMs = rebuildMs;
    rebuildMs = Math.min(rebuildMs * 2, longestRebuildMs);
    state = 'rebuilding';
    if (failures.count(code) !== null) {
      observe({ kind: 'socket-failed', role: 'responder', address, code, retryMs });
    }
    return retryMs;
  }

  const running = keepOn(await attempt());

  async function stop(): Promise<void> {
    stopping.abort();
    await current?.[Symbol.asyncDispose]();
    await running;
  }

  let stopped: Promise<void> | undefined;
  return {
    state: () => state,
    socket: () => current,
    [Symbol.asyncDispose]: () => (stopped ??= stop()),
  };
}
