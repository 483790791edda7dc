import { networkInterfaces } from 'node:os';
import { liveNeighbourhood, readInterfaces, type InterfaceTable } from './addresses.js';
import { createCollecting } from './collecting.js';
import type { Observe } from './events.js';
import { createInbox } from './inbox.js';
import {
  boundedTimeout,
  lastRoundForAll,
  roundTime,
  roundTimes,
  scanEnd,
  sweepTime,
} from './pace.js';
import { createSearch } from './mdns/search.js';
import type { Finding, FoundServer } from './peers.js';
import { createProbing } from './probing.js';
import { openSocket, type OpenSocket } from './socket.js';
import { sweep, sweepHosts } from './sweep.js';
import { wait } from './wait.js';

export type { Finding, FoundServer, Mark } from './peers.js';

export interface ScanOptions {
  /** UDP, where servers listen. */
  readonly port: number;
  /** The longest a scan takes without a sweep; kept within 300 and 10,000 ms. */
  readonly timeoutMs: number;
  /** Sweeps the own networks even if somebody answers. */
  readonly deep?: boolean;
  /** Addresses of servers from earlier, probed directly; the first 32 count. Names are passed over. */
  readonly known: readonly string[];
  /** Also asks by mDNS; not, when not given. */
  readonly mdns?: boolean;
  /** True ends the scan: everybody who was wanted is there. Asked after each finding. */
  readonly enough?: (servers: readonly FoundServer[]) => boolean;
  /** Ends the scan; not an error. */
  readonly signal?: AbortSignal;
  readonly observe: Observe;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  readonly interfaces?: () => InterfaceTable;
}

interface Scan extends AsyncDisposable {
  readonly findings: AsyncIterable<Finding>;
}

/** More than an honest network brings; what a flood brings beyond it is counted as dropped. */
const maxWaitingFindings = 32_768;
const lookEveryMs = 50;
/** Of the servers that fill a link of 10 Mbit/s, so many have been heard before IPv6 would be asked. */
const crowd = 50;

/**
 * Asks who is here, by a sweep too if nobody answers, and gives each server as it is found, each once, then its further addresses.
 * Ends at the timeout, when it has become quiet, when `enough` says so or when the signal aborts;
 * never throws because of a network. Leaving the loop closes all sockets. A slow reader slows
 * nothing down. Source: PROTOCOL.md, Scanner.
 */
export async function* scan(
  options: ScanOptions,
  open: OpenSocket = openSocket,
): AsyncGenerator<Finding, void, undefined> {
  const running = startScan(options, open);
  try {
    yield* running.findings;
  } finally {
    await running[Symbol.asyncDispose]();
  }
}

function startScan(options: ScanOptions, open: OpenSocket): Scan {
  const { observe, port, known, deep = false } = options;
  const now = options.now ?? (() => performance.now());
  const interfaces = options.interfaces ?? networkInterfaces;
  const timeoutMs = boundedTimeout(options.timeoutMs);
  const startedAt = now();
  const elapsedMs = (): number => now() - startedAt;
  const ending = new AbortController();
  const signal = AbortSignal.any([ending.signal, ...(options.signal ? [options.signal] : [])]);
  const findings = createInbox<Finding>(maxWaitingFindings);
  const neighbourhood = liveNeighbourhood({ interfaces, now });
  const collecting = createCollecting(neighbourhood, findings, (address) => {
    // A restart is easily forged; whoever is there in truth answers again, and both are shown. So is the address: elsewhere
    // nobody is sent a probe for it.
    const isAsked = known.includes(address);
    if (isAsked || neighbourhood.isNearby(address)) void probing.ask([{ address, port }]);
  });
  let lastNewMs: number | null = null;
  let sweptMs: number | null | undefined;
  let swept = 0;

  const probing = createProbing({
    port,
    known,
    interfaces,
    observe,
    now,
    open,
    // In the end all are asked: somebody among them may have no IPv4.
    isCrowded: () => elapsedMs() < lastRoundForAll(timeoutMs) && isCrowd(),
    onDatagram(datagram) {
      if (collecting.take(datagram)) noteNews();
    },
    onDropped(reason) {
      collecting.lost(reason);
    },
  });

  const search = options.mdns
    ? createSearch({
        interfaces,
        neighbourhood,
        observe,
        open,
        elapsedMs,
        signal,
        ask: (address) => void probing.ask([{ address, port }]),
        isHeard: collecting.isHeard,
        onExcess() {
          collecting.overLimit();
        },
        mention(hit, address, source) {
          if (collecting.mention(hit, address, source)) noteNews();
        },
      })
    : undefined;

  function isCrowd(): boolean {
    return collecting.servers().length > crowd;
  }

  function noteNews(): void {
    lastNewMs = elapsedMs();
    if (options.enough?.(collecting.servers()) === true) ending.abort();
  }

  async function run(): Promise<void> {
    try {
      // The probes first: they are answered sooner.
      await Promise.all([sendRounds(), search?.run(), sweepIfAlone(), listenToTheEnd()]);
    } finally {
      await search?.[Symbol.asyncDispose]();
      await probing[Symbol.asyncDispose]();
      collecting.settle();
      findings.end();
      const counts = { ...collecting.counts(), ...probing.counts(), swept };
      observe({ kind: 'scan-ended', elapsedMs: elapsedMs(), ...counts });
    }
  }

  async function sendRounds(): Promise<void> {
    for (const at of roundTimes(timeoutMs)) {
      if (at > 0) await wait(at - elapsedMs(), signal);
      const late = roundTime(at, isCrowd());
      if (late > at) await wait(late - elapsedMs(), signal);
      if (signal.aborted) return;
      probing.round();
    }
  }

  async function sweepIfAlone(): Promise<void> {
    const at = sweepTime({ timeoutMs, deep });
    if (at === null) return;
    await wait(at - elapsedMs(), signal);
    if (signal.aborted || (!deep && somebodyAnswered())) return;
    const hosts = sweepHosts(readInterfaces(interfaces));
    swept = hosts.length;
    if (swept === 0) return;
    sweptMs = null;
    await sweep({ hosts, port, ask: (group) => probing.ask(group), signal });
    sweptMs = elapsedMs();
  }

  /** A server of our own, or one that is only announced, says nothing of what becomes of probes on the network. */
  function somebodyAnswered(): boolean {
    return collecting
      .servers()
      .some(
        ({ marks, addresses }) =>
          !marks.includes('mdns') &&
          addresses.some((address) => !neighbourhood.isOwnAddress(address)),
      );
  }

  async function listenToTheEnd(): Promise<void> {
    while (!signal.aborted) {
      const left =
        scanEnd({ timeoutMs, lastNewMs, ...(sweptMs !== undefined && { sweptMs }) }) - elapsedMs();
      if (left <= 0) break;
      await wait(Math.min(left, lookEveryMs), signal);
    }
    ending.abort();
  }

  const done = run();
  return {
    findings,
    async [Symbol.asyncDispose]() {
      ending.abort();
      await done;
    },
  };
}
