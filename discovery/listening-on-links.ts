import { readInterfaces, type InterfaceTable } from './addresses.js';
import { discoveryGroup, linksOf } from './links.js';
import { keepListening, type Listening, type ListeningOptions } from './listening.js';
import type { DatagramSocket } from './socket.js';
import { createCounter } from './tally.js';

export interface LinkListeningOptions extends Omit<ListeningOptions, 'address' | 'onSocket'> {
  readonly interfaces: () => InterfaceTable;
}

/** Links come up a moment after the program when a machine starts; a look costs a fifth of a millisecond. */
const lookEveryMs = 5000;
const reportEveryMs = 60_000;
/** The system keeps a place for each link that was ever joined, also for those that are gone, and has run out of them. */
const fullCodes = ['ENOMEM', 'ENOBUFS'];

/**
 * Answers what is sent over IPv6, to the group of discovery on every link or directly. Without IPv6 it does nothing; links
 * that come later are joined within 5 s. Never rejects. Source: PROTOCOL.md, Responder.
 */
export async function listenOnLinks(options: LinkListeningOptions): Promise<AsyncDisposable> {
  const { observe, now, interfaces } = options;
  const failures = createCounter<string>(reportEveryMs, now);
  let listening: Promise<Listening> | undefined;
  const stopping = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;

  async function look(): Promise<void> {
    const table = readInterfaces(interfaces);
    if (isStopping() || !speaksIPv6(table)) return;
    if (listening === undefined) {
      listening = keepListening({ ...options, address: '::', onSocket: joinAll });
      await listening;
      return;
    }
    const socket = (await listening).socket();
    if (!isStopping() && socket !== undefined) joinAll(socket);
  }

  /** Joining again what was joined changes nothing, and mends what lost its place when an interface was made anew. */
  function joinAll(socket: DatagramSocket): void {
    for (const { zone } of linksOf(readInterfaces(interfaces))) {
      const code = socket.join(discoveryGroup, `::%${zone}`);
      if (code === null) continue;
      const count = failures.count(`${zone} ${code}`);
      if (count !== null) observe({ kind: 'join-failed', zone, code, count });
      if (fullCodes.includes(code)) void socket[Symbol.asyncDispose]();
    }
  }

  const timer = setInterval(() => void look(), lookEveryMs).unref();
  await look();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      clearInterval(timer);
      await (await listening)?.[Symbol.asyncDispose]();
    },
  };
}

function speaksIPv6(table: InterfaceTable): boolean {
  return Object.values(table).some((infos) =>
    infos?.some(({ family, internal }) => family === 'IPv6' && !internal),
  );
}
