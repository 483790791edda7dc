import { networkInterfaces } from 'node:os';
import { readInterfaces, type InterfaceTable } from '#discovery/addresses.js';
import type { Observe } from '#discovery/events.js';
import { openSocket, type OpenSocket } from '#discovery/socket.js';
import { createCounter } from '#discovery/tally.js';
import { wait } from '#discovery/wait.js';
import type { Announcement } from '#discovery/wire/announcement.js';
import { startCiao, type Announcing, type StartAnnouncing } from './ciao.js';
import type { Order } from './ciao-order.js';
import { encodeFacts, instanceName } from './facts.js';
import { mdnsPort } from './service.js';

export interface AnnouncerOptions {
  /** Read each time the announcement is made. */
  readonly announcement: () => Announcement;
  readonly observe: Observe;
  readonly interfaces?: () => InterfaceTable;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
  /** How often the interfaces are looked at, in milliseconds. */
  readonly lookEveryMs?: number;
}

const usualLookMs = 15_000;
const firstRetryMs = 5000;
const longestRetryMs = 300_000;
/** After this long the next failure is a new one, not the same one again. */
const soundAfterMs = 60_000;
const troubleEveryMs = 60_000;

/**
 * Announces a server by mDNS on all interfaces until it is disposed, which takes the announcement back. Never throws and
 * never waits: what goes wrong is an event. Source: PROTOCOL.md, mDNS.
 */
export function startAnnouncer(
  options: AnnouncerOptions,
  start: StartAnnouncing = startCiao,
  open: OpenSocket = openSocket,
): AsyncDisposable {
  const { observe, now = () => performance.now(), lookEveryMs = usualLookMs } = options;
  const interfaces = options.interfaces ?? networkInterfaces;
  const troubles = createCounter<'trouble'>(troubleEveryMs, now);
  const stopping = new AbortController();
  let current: Announcing | undefined;
  let retryMs = firstRetryMs;
  let told: string | undefined;

  const look = (): readonly Place[] => placesOf(readInterfaces(interfaces));

  async function keepAnnouncing(): Promise<void> {
    while (!stopping.signal.aborted) {
      const places = look();
      const since = now();
      const failure = places.length === 0 ? await untilChanged() : await announceOn(places);
      if (failure === null) continue;
      if (now() - since >= soundAfterMs) retryMs = firstRetryMs;
      // Trying again every five minutes is no news every five minutes.
      if (failure !== told) observe({ kind: 'mdns-failed', reason: failure, retryMs });
      told = failure;
      await wait(retryMs, stopping.signal);
      retryMs = Math.min(retryMs * 2, longestRetryMs);
    }
  }

  async function untilChanged(): Promise<null> {
    await wait(lookEveryMs, stopping.signal);
    return null;
  }

  /** Until it fails, or until other interfaces are there. */
  async function announceOn(places: readonly Place[]): Promise<string | null> {
    const code = await sharingFailure(open);
    if (code !== null) return `UDP port ${mdnsPort} cannot be shared (${code})`;
    if (stopping.signal.aborted) return null;
    const announcing = started(namesOf(places));
    if (typeof announcing === 'string') return announcing;
    current = announcing;
    const timer = setInterval(() => {
      if (JSON.stringify(look()) !== JSON.stringify(places)) announcing.stop();
    }, lookEveryMs);
    timer.unref();
    const failure = await announcing.ended;
    clearInterval(timer);
    return failure;
  }

  /** The reason when the system gives no thread for it. */
  function started(names: readonly string[]): Announcing | string {
    try {
      return start(orderOf(names, options.announcement()), {
        onAnnounced: (name) => {
          told = undefined;
          observe({ kind: 'mdns-announced', name, interfaces: names });
        },
        onTrouble: (reason) => {
          if (troubles.count('trouble') === null) return;
          observe({ kind: 'mdns-failed', reason, retryMs: null });
        },
      });
    } catch (error) {
      return String(error);
    }
  }

  const running = keepAnnouncing();

  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      current?.stop();
      await running;
    },
  };
}

/** The library would take a port that is held by one program alone for a network without others. */
async function sharingFailure(open: OpenSocket): Promise<string | null> {
  const opened = await open({
    address: '0.0.0.0',
    port: mdnsPort,
    reuseAddr: true,
    broadcast: false,
    inboxLimit: 1,
    maxBytes: 1,
    onDropped: () => undefined,
  });
  if (!opened.ok) return opened.code;
  await opened.socket[Symbol.asyncDispose]();
  return null;
}

function orderOf(interfaces: readonly string[], announcement: Announcement): Order {
  const { id, name, port } = announcement;
  // Several servers of one machine have one id; the name of the machine is taken, where it announces itself.
  const host = `lanpost-${id.slice(0, 16).toLowerCase()}-${port}`;
  return { interfaces, name: instanceName(name), host, port, facts: encodeFacts(announcement) };
}

/** An alias (`eth0:1`) is no interface of its own. */
function namesOf(places: readonly Place[]): readonly string[] {
  return [...new Set(places.map(([name]) => name.replace(/:.*$/, '')))];
}

/** Name and address of an interface with IPv4. */
type Place = readonly [string, string];

function placesOf(table: InterfaceTable): readonly Place[] {
  return Object.entries(table).flatMap(([name, infos]) =>
    (infos ?? [])
      .filter(({ family, internal }) => family === 'IPv4' && !internal)
      .map(({ cidr, address }): Place => [name, cidr ?? address]),
  );
}
