import { SharingError } from '#sharing/errors.js';

/** Bounds of guessing (PROTOCOL.md, "Pairing"); milliseconds. */
export const pairingLimits = {
  codeLifetime: 10 * 60_000,
  wrongPerAddress: 5,
  wrongPerCode: 20,
  shutOutTime: 10 * 60_000,
  betweenJudgements: 1000,
  atOnce: 4,
  /** From the client's share to its proof, which no user is waited for in between. */
  proofTime: 5000,
  maxAddresses: 1024,
} as const;

export interface NewCode {
  /** As people see it. */
  readonly code: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
  /** How many devices the code before, which is void now, was still good for. */
  readonly voids: number;
}

/** The one code that a server has, and who may still try it. Pure: `now` is in milliseconds, and never goes back. */
export interface CodeWindow {
  /** A new code; the one before is void. `uses` devices may pair with it. Gives how many the one before was still good for. */
  open(code: string, uses: number): number;
  /** The code, while it is good. */
  code(): string | undefined;
  /**
   * Lets one address begin a run. Throws SharingError `not-known` when there is no code, `locked-out` when this
   * address has guessed too often, `too-many-transfers` when too many pair at once.
   */
  begin(address: string): PairingRun;
}

/** One run, from the client's share to its proof. */
export interface PairingRun extends Disposable {
  readonly code: string;
  /** Milliseconds to wait before the proof may be judged; to be asked again after it, for others wait too. */
  wait(): number;
  /**
   * Counts the attempt before it is judged: whoever runs away has guessed all the same. Throws SharingError
   * `locked-out` or `not-known` when no attempt is left.
   */
  reserve(): void;
  /** The proof was right: the attempt does not count, and the code is used. */
  succeed(): void;
  /** Nothing came of it after all: the code may be used once more. */
  giveBack(): void;
}

export function codeWindow(now: () => number): CodeWindow {
  const wrong = new Map<string, { count: number; since: number }>();
  const running = new Set<string>();
  let current: { code: string; expires: number; uses: number; wrong: number } | undefined;
  let lastJudged = -Infinity;

  function good(): typeof current {
    if (!current || now() >= current.expires || current.uses <= 0) return undefined;
    return current.wrong < pairingLimits.wrongPerCode ? current : undefined;
  }

  function wrongOf(address: string): { count: number; since: number } {
    const entry = wrong.get(address);
    if (entry && now() - entry.since < pairingLimits.shutOutTime) return entry;
    const fresh = { count: 0, since: now() };
    wrong.delete(address);
    wrong.set(address, fresh);
    const [oldest] = wrong.keys();
    if (wrong.size > pairingLimits.maxAddresses && oldest !== undefined) wrong.delete(oldest);
    return fresh;
  }

  function mustBeFree(address: string): void {
    if (wrongOf(address).count < pairingLimits.wrongPerAddress) return;
    throw new SharingError('locked-out', 'too many wrong codes from this address');
  }

  return {
    open(code, uses) {
      const before = good()?.uses ?? 0;
      current = { code, expires: now() + pairingLimits.codeLifetime, uses, wrong: 0 };
      return before;
    },
    code: () => good()?.code,
    begin(address) {
      const one = good();
      if (!one) throw noCode();
      mustBeFree(address);
      if (running.has(address) || running.size >= pairingLimits.atOnce) {
        throw new SharingError('too-many-transfers', 'somebody is pairing right now');
      }
      running.add(address);
      let over = false;
      return {
        code: one.code,
        wait: () => Math.max(0, lastJudged + pairingLimits.betweenJudgements - now()),
        reserve() {
          mustBeFree(address);
          if (good() !== one) throw noCode();
          lastJudged = now();
          one.wrong += 1;
          const entry = wrongOf(address);
          entry.count += 1;
          // The time of being shut out begins with the last wrong proof, not with the first.
          entry.since = now();
        },
        succeed() {
          one.wrong -= 1;
          one.uses -= 1;
          wrong.delete(address);
        },
        giveBack() {
          one.uses += 1;
        },
        [Symbol.dispose]: () => {
          if (!over) running.delete(address);
          over = true;
        },
      };
    },
  };
}

function noCode(): SharingError {
  return new SharingError('not-known', 'this server shows no code right now');
}
