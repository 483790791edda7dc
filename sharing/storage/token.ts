import { SharingError } from '#sharing/errors.js';
import type { LandingArea } from '#sharing/storage/area.js';
import type { PrivateName } from '#sharing/storage/folder.js';
import { holdWithin, type Hold } from '#sharing/storage/lock.js';
import { createHash, randomBytes } from 'node:crypto';

/** What is received now has a name of its own in the landing area, held alone. */
export interface HeldToken {
  /** 32 hexadecimal digits. */
  readonly token: string;
  /** The same peer and place lead to it again; one by chance nobody would find. */
  readonly isOwned: boolean;
  readonly hold: Hold;
}

/** Names for files that lie in a landing area for moments, while their receiver holds the token in them. */
export interface PassingNames extends AsyncDisposable {
  /** Throws the system's errors. */
  next(area: LandingArea): Promise<PassingName>;
}

export interface PassingName {
  readonly name: PrivateName;
  /** False when another receiver took it, who could not know that we live. */
  readonly isOurs: () => Promise<boolean>;
}

export function passingNames(): PassingNames {
  const token = randomBytes(16).toString('hex');
  let held: Hold | undefined;
  let count = 0;
  return {
    async next(area) {
      held ??= await holdWithin(await area.folder.at(`${token}.lock`), 0);
      count += 1;
      const hold = held;
      return {
        name: `${token}.${count}.part`,
        isOurs: async () => (await hold?.isOurs()) === true,
      };
    },
    [Symbol.asyncDispose]: async () => held?.[Symbol.asyncDispose](),
  };
}

/** Milliseconds in which a receiver that has just ended lets go of what it held. */
const releaseTime = 2000;

/**
 * The token of what `peer` sends to `place`, from which nobody learns either; one by chance while another receiver holds
 * that. Throws SharingError `write-failed`, or the system's errors.
 */
export async function holdToken(
  area: LandingArea,
  peer: string,
  place: string,
): Promise<HeldToken> {
  const owned = createHash('sha256').update(`${peer}\n${place}`).digest('hex').slice(0, 32);
  const chance = randomBytes(16).toString('hex');
  for (const token of [owned, chance]) {
    const hold = await holdWithin(await area.folder.at(`${token}.lock`), releaseTime);
    if (hold) return { token, isOwned: token === owned, hold };
  }
  throw new SharingError('write-failed', 'nothing can be held in the landing area');
}
