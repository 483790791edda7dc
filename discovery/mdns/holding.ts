import type { Hit } from './neighbour.js';

export interface HoldingOptions {
  /** Probes this address. */
  readonly ask: (address: string) => void;
  /** Whether this server has answered a probe. */
  readonly isHeard: (hit: Hit) => boolean;
  /** It is announced at this address and did not answer in time. */
  readonly mention: (hit: Hit, address: string, source: string) => void;
  /** Something was left out because of a limit. */
  readonly onExcess: () => void;
}

/** What was announced and is being asked. */
export interface Holding {
  take(hits: readonly Hit[], source: string): void;
  /** Nobody waits any more: what has not answered is mentioned now. */
  flush(): void;
}

/** Addresses that are asked because of one source, and of all. */
export const maxAskedPerSource = 16;
export const maxAsked = 512;
/** A probe or its answer may get lost. */
const askAgainAtMs = [100, 300];
/** A server waits up to 200 ms with its answer to a later probe (PROTOCOL.md, Responder), and the last goes out at 300 ms. */
export const patienceMs = 500;

/**
 * Asks each announced address with a probe of its own, which passes firewalls that let nothing in but answers, and
 * gives the server time to answer itself, so that nobody is shown in two ways.
 */
export function createHolding({ ask, isHeard, mention, onExcess }: HoldingOptions): Holding {
  const asked = new Map<string, Set<string>>();
  const waiting = new Map<string, () => void>();
  let total = 0;

  function take(hits: readonly Hit[], source: string): void {
    for (const hit of hits) for (const address of hit.addresses) hold(hit, address, source);
  }

  function hold(hit: Hit, address: string, source: string): void {
    const key = JSON.stringify([hit.announcement, address]);
    const ofSource = asked.get(source) ?? new Set();
    if (ofSource.has(key)) return;
    if (ofSource.size >= maxAskedPerSource || total >= maxAsked) {
      onExcess();
      return;
    }
    asked.set(source, ofSource.add(key));
    total += 1;
    ask(address);
    const timers = askAgainAtMs.map((ms) =>
      setTimeout(() => {
        if (!isHeard(hit)) ask(address);
      }, ms),
    );
    const end = (): void => {
      for (const timer of timers) clearTimeout(timer);
      waiting.delete(`${source} ${key}`);
      if (!isHeard(hit)) mention(hit, address, source);
    };
    timers.push(setTimeout(end, patienceMs));
    waiting.set(`${source} ${key}`, end);
  }

  return {
    take,
    flush() {
      for (const end of [...waiting.values()]) end();
    },
  };
}
