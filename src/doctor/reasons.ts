import { causeOrder, type Cause, type Weight } from './causes.js';
import type { Facts } from './facts.js';
import { localCauses } from './local-causes.js';
import { networkCauses } from './network-causes.js';
import { serverCauses } from './server-causes.js';
import { situationOf } from './situation.js';

/** A cause, and how much it explains. */
export interface Reason {
  readonly cause: Cause;
  readonly weight: Weight;
}

/** Pure: from what was seen to what is wrong, what explains most first. Never empty. */
export function reasons(facts: Facts): readonly Reason[] {
  const situation = situationOf(facts);
  const local = localCauses(facts, situation);
  const explained = local.some(({ weight }) => weight === 'blocks');
  const all = [...local, ...serverCauses(facts), ...networkCauses(facts, situation, explained)];
  const found = all.some(({ weight }) => weight === 'blocks')
    ? all
    : [...all, fine(new Set(situation.others.map(({ id, address }) => id ?? address)).size)];
  return found.toSorted(
    (a, b) =>
      weights.indexOf(a.weight) - weights.indexOf(b.weight) ||
      Number(isFine(b)) - Number(isFine(a)) ||
      rank(a) - rank(b),
  );
}

const weights: readonly Weight[] = ['blocks', 'may', 'note'];

function rank({ cause }: Reason): number {
  return causeOrder.indexOf(cause.code);
}

/** Among what does not matter, that all is well comes first. */
function isFine({ cause }: Reason): boolean {
  return cause.code === 'fine';
}

function fine(servers: number): Reason {
  return { cause: { code: 'fine', servers }, weight: 'note' };
}
