import type { ReceiveRules } from '#sharing/session/receiving.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { chunkCount } from '#sharing/storage/digest.js';
import { lookAlikes, openComparison, type Comparison } from '#sharing/storage/identical.js';
import {
  openLanding,
  type Expected,
  type Landing,
  type Published,
} from '#sharing/storage/landing.js';
import type { SafeName } from '#sharing/storage/path.js';
import { standingOf } from '#sharing/storage/policy.js';
import type { Room } from '#sharing/storage/room.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import {
  compareWithSource,
  missingBut,
  type Missing,
  type SourceComparison,
} from '#sharing/transfer/resuming.js';
import { chunkSize, digestLength } from '#sharing/wire/frame.js';
import type { Want } from '#sharing/wire/message.js';

/** A file of which nothing need come. */
export type Here =
  | ({ readonly kind: 'identical' } & Published)
  | { readonly kind: 'skipped'; readonly as: SafeName };

/** What is to be decided on. */
export interface Judged extends Expected {
  readonly file: number;
  /** Opened when it is needed, so that nothing is made for an offer that is refused. */
  readonly area: () => Promise<LandingArea>;
  readonly room: Room;
  /** Files with numbered names are compared too, unless this says no. */
  readonly withSiblings?: boolean;
  /** What stands under the name is not the same; it may make place. */
  readonly onDifferent?: () => Promise<void>;
}

/** Finds out what of an offered file has to come, by what is here; what it throws ends the file. */
export interface Judging extends AsyncDisposable {
  decide(): Promise<void>;
  /** The next digests of those that were asked for, in order. */
  compare(first: number, digests: Buffer): Promise<void>;
}

export interface JudgingOptions extends Judged {
  readonly rules: ReceiveRules;
  readonly want: (row: Want) => void;
  readonly onProgress: OnProgress;
  readonly onHere: (here: Here) => void;
  /** Where it will land, before anything is asked for. */
  readonly onLanding: (landing: Landing) => void;
  /** This has to come. Whether the rest is good was looked at already, or is to be looked at now. */
  readonly onMissing: (missing: Missing, wasLookedAt: boolean) => void;
}

export function judging(options: JudgingOptions): Judging {
  const { file, area, name, size, algorithm, rules, want, onProgress, onMissing } = options;
  let comparison: Comparison | undefined;
  let landing: Landing | undefined;
  let resuming: SourceComparison | undefined;

  function here(one: Here): void {
    const { kind: reason, as } = one;
    const row = { want: 'nothing', file, as } as const;
    want(reason === 'skipped' ? { ...row, reason } : { ...row, reason, digest: one.digest });
    options.onHere(one);
  }

  function wantDigests(): void {
    rules.compare();
    want({ want: 'digests', file });
  }

  /** After each comparison: the same file is here, or may still be, or is not. */
  async function nextStep(): Promise<void> {
    const phase = rules.phase();
    if (!comparison || (phase !== 'deciding' && phase !== 'comparing')) return;
    const same = await comparison.same();
    if (rules.phase() !== phase) return;
    if (same) here({ kind: 'identical', size, ...same });
    else if (!comparison.hopeful()) {
      await options.onDifferent?.();
      if (rules.phase() !== phase) return;
      landing = await openLanding(await area(), options.room, options);
      options.onLanding(landing);
      // It may have been given up while the partial was made.
      if (rules.phase() === phase) await begin(landing, phase === 'comparing');
    } else if (phase === 'deciding') wantDigests();
  }

  /** Asks for what does not lie here from an earlier time, or first for the digests that tell what does. */
  async function begin(from: Landing, hadDigests: boolean): Promise<void> {
    const { claims, sameSource } = from;
    if (sameSource) onMissing(missingBut(claims), false);
    else if (claims.includes(1) && !hadDigests) {
      resuming = compareWithSource(from, size);
      wantDigests();
    } else await keep(from, new Uint8Array(chunkCount(size)));
  }

  /** The source is not what it was: only chunks that differ travel. */
  async function keep(from: Landing, good: Uint8Array): Promise<void> {
    const phase = rules.phase();
    const missing = missingBut(good);
    await from.retag(missing.chunks.map((one) => 1 - one));
    if (rules.phase() === phase) onMissing(missing, true);
  }

  return {
    async decide() {
      const { target } = await area();
      const standing = await standingOf(target, name, options.policy, options.mtime);
      if (rules.phase() !== 'deciding') return;
      if (standing === 'skip') {
        here({ kind: 'skipped', as: name });
        return;
      }
      const siblings = standing === 'beside' && options.withSiblings !== false;
      const names = await lookAlikes(target, name, size, siblings);
      if (rules.phase() !== 'deciding') return;
      comparison = await openComparison(target, names, size, algorithm);
      await nextStep();
    },
    async compare(first, digests) {
      await (resuming ?? comparison)?.compare(digests);
      const compared = (first + digests.length / digestLength) * chunkSize;
      onProgress({ phase: 'comparing', bytes: Math.min(size, compared), size });
      const good = resuming?.good();
      if (!resuming) await nextStep();
      else if (landing && good && rules.phase() === 'comparing') await keep(landing, good);
    },
    async [Symbol.asyncDispose]() {
      await comparison?.[Symbol.asyncDispose]();
    },
  };
}
