import type { Soon } from '#sharing/soon.js';
import { SharingError } from '#sharing/errors.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { callsTo } from '#sharing/storage/disk-calls.js';
import type { Folder, PrivateName } from '#sharing/storage/folder.js';
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
  next(): Promise<PassingName>;
}

export interface PassingName {
  readonly name: PrivateName;
  /** False when another receiver took it, who could not know that we live. */
  readonly isOurs: () => Promise<boolean>;
}

/**
 * Milliseconds for which a look at a hold is good: it is taken away only when its process is dead, or after a day, and between
 * a look and what follows it time passes in any case.
 */
const lookTime = 100;

/** `folder` is the landing area itself. `now` is in milliseconds and only goes forward. */
export function passingNames(
  folder: Folder,
  now: () => number = () => performance.now(),
): PassingNames {
  const calls = callsTo(folder.device);
  const read = (place: string): Soon<string> => calls.readText(place);
  let held: Promise<Taken> | undefined;
  let looked: { readonly at: Hold | undefined; readonly until: number } | undefined;
  let count = 0;

  async function isHeld({ hold }: Taken): Promise<boolean> {
    if (looked?.at === hold && looked && now() < looked.until) return true;
    const until = now() + lookTime;
    const isOurs = (await hold?.isOurs(read)) === true;
    looked = isOurs ? { at: hold, until } : undefined;
    return isOurs;
  }

  async function take(): Promise<Taken> {
    const token = randomBytes(16).toString('hex');
    return { token, hold: await holdWithin(await folder.at(`${token}.lock`), 0) };
  }

  /** What was taken away from us is not held any more: then another token is. */
  async function takeUnlessHeld(before: Promise<Taken> | undefined): Promise<Taken> {
    const taken = await before?.catch(() => undefined);
    return taken && (await isHeld(taken)) ? taken : take();
  }

  return {
    async next() {
      held = takeUnlessHeld(held);
      const taken = await held;
      count += 1;
      return { name: `${taken.token}.${count}.part`, isOurs: () => isHeld(taken) };
    },
    async [Symbol.asyncDispose]() {
      const taken = await held?.catch(() => undefined);
      await taken?.hold?.[Symbol.asyncDispose]();
    },
  };
}

interface Taken {
  readonly token: string;
  readonly hold: Hold | undefined;
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
