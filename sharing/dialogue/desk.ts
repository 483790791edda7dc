import type { PairingDesk } from '#sharing/dialogue/pairing.js';
import type { Observe } from '#sharing/events.js';
import { base32 } from '#sharing/id.js';
import type { Device } from '#sharing/identity/device.js';
import { addPeer } from '#sharing/identity/known.js';
import { codeWindow, pairingLimits, type NewCode } from '#sharing/session/code-window.js';
import { codeText } from '#sharing/session/code.js';
import type { Right } from '#sharing/wire/message.js';
import { randomBytes } from 'node:crypto';

/** What there is to show of a code. */
export type ShownCode = Pick<NewCode, 'code' | 'expires'>;

export interface DeskOptions {
  readonly device: Device;
  /** What a client that pairs may do here. */
  readonly pairRights: readonly Right[];
  /** Told each code as it becomes good, and undefined when it was used or guessed at too often; it is a secret. */
  readonly onCode?: (code: ShownCode | undefined) => void;
  readonly observe: Observe;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The one place of a server where machines become known to it by a code. */
export function openDesk({ device, pairRights, now, onCode, observe }: DeskOptions): PairingDesk {
  // A clock that is set, by hand or from the network, neither shuts anybody out nor makes a code last.
  const window = codeWindow(() => performance.now());
  let shown = false;
  return {
    window,
    async store(id, name) {
      const peer = { id, name, rights: pairRights, how: 'code' } as const;
      const known = await addPeer(device.stateFolder, peer, new Date(now()));
      observe({ event: 'paired', id, peer: known.name });
      return known;
    },
    onJudged() {
      if (!shown || window.code() !== undefined) return;
      shown = false;
      onCode?.(undefined);
    },
    newCode(uses) {
      const code = randomCode();
      const voids = window.open(code, uses);
      shown = true;
      const fresh = { code: codeText(code), expires: now() + pairingLimits.codeLifetime };
      onCode?.(fresh);
      return { ...fresh, voids };
    },
  };
}

function randomCode(): string {
  return base32(randomBytes(5));
}
