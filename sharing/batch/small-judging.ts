import { isStaged, spotOf, type Arrival } from '#sharing/batch/arrival.js';
import type { ArrivingFolders } from '#sharing/batch/folders.js';
import type { LastWords } from '#sharing/batch/last-words.js';
import type { WantQueue } from '#sharing/batch/wants.js';
import type { BatchReceiveRules } from '#sharing/session/batch-receiving.js';
import { after, type Soon } from '#sharing/soon.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { digestOf, digestText, type DigestAlgorithm } from '#sharing/storage/digest.js';
import {
  sameHere,
  sameInTree,
  standingAmongOthers,
  standingInTree,
  type SmallStanding,
  type SmallWish,
} from '#sharing/storage/small-standing.js';
import type { Policy } from '#sharing/wire/message.js';

/** Decides of each small file whether it comes. */
export interface SmallJudging {
  /** Asks for it, for its digest, or for nothing. */
  judge(arrival: Arrival): Soon<void>;
  /** The digest that was asked for is here. */
  compare(arrival: Arrival, digest: Buffer): Promise<void>;
}

export interface SmallJudgingOptions {
  readonly landing: () => Soon<LandingArea>;
  readonly folders: ArrivingFolders;
  readonly wants: WantQueue;
  readonly rules: Pick<BatchReceiveRules, 'want'>;
  readonly policy: Policy;
  readonly algorithm: DigestAlgorithm;
  /** Throws when the batch is over. */
  readonly mustGoOn: () => void;
  /** Sets the room for it aside. Throws SharingError when there is none. */
  readonly setAside: (arrival: Arrival) => Soon<void>;
  /** A file of which nothing travels, and which is to be made. */
  readonly onEmpty: (arrival: Arrival) => void;
  readonly words: Pick<LastWords, 'over'>;
}

export function smallJudging(options: SmallJudgingOptions): SmallJudging {
  const { landing, folders, wants, rules, policy, algorithm, mustGoOn, words } = options;

  function actOn(arrival: Arrival, standing: SmallStanding): Soon<void> {
    const { offered, name } = arrival;
    const { file, size } = offered;
    if (standing === 'new') return askFor(arrival);
    if (standing === 'skip') {
      wants.add({ want: 'nothing', file, reason: 'skipped', as: name });
      words.over(arrival, { kind: 'skipped', as: name });
    } else if ('compare' in standing) {
      arrival.alike = standing.compare;
      rules.want(file, 'digest', size);
      wants.add({ want: 'digests', file });
    } else same(arrival, standing.as, digestOf(algorithm, Buffer.alloc(0)));
    return undefined;
  }

  function standingOf(arrival: Arrival): Soon<SmallStanding> {
    const staging = arrival.folder?.top.staging;
    return staging && !staging.leftovers ? 'new' : lookedUp(arrival);
  }

  async function lookedUp(arrival: Arrival): Promise<SmallStanding> {
    const staging = arrival.folder?.top.staging;
    const { area, release } = await spotOf(arrival, landing, folders);
    try {
      return staging?.leftovers
        ? await standingInTree(area.target, wishOf(arrival), staging.leftovers)
        : await standingAmongOthers(area, wishOf(arrival), algorithm);
    } finally {
      release();
    }
  }

  function wishOf({ name, offered: { size, mtime } }: Arrival): SmallWish {
    return { name, size, mtime, policy };
  }

  /** Of an empty file nothing travels: it is here. */
  function askFor(arrival: Arrival): Soon<void> {
    const { file, size } = arrival.offered;
    return after(options.setAside(arrival), () => {
      mustGoOn();
      if (size === 0) {
        options.onEmpty(arrival);
        return;
      }
      rules.want(file, 'bytes', size);
      wants.whole(file);
    });
  }

  /** It is here already; in a tree that nobody has seen we brought it ourselves, with an earlier attempt. */
  function same(arrival: Arrival, as: SmallWish['name'], digest: Buffer): void {
    const { file, size } = arrival.offered;
    const text = digestText(algorithm, digest);
    const staged = isStaged(arrival);
    const reason = staged ? 'staged' : 'identical';
    wants.add({ want: 'nothing', file, reason, as, digest: text });
    const kind = staged ? 'received' : 'identical';
    words.over(arrival, { kind, as, size, digest: text }, false);
  }

  return {
    judge: (arrival) => after(standingOf(arrival), (standing) => actOn(arrival, standing)),
    async compare(arrival, digest) {
      const { area, release } = await spotOf(arrival, landing, folders);
      try {
        const left = arrival.folder?.top.staging?.leftovers;
        const wish = wishOf(arrival);
        const as = left
          ? await sameInTree(area, wish, algorithm, digest, left)
          : await sameHere(area, arrival.alike ?? [], wish.size, algorithm, digest);
        mustGoOn();
        if (as !== undefined) same(arrival, as, digest);
        else await askFor(arrival);
      } finally {
        release();
      }
    },
  };
}
