import type { Packet } from './packet.js';
import type { Chain, Entry, Hook, Rule, Ruleset } from './ruleset.js';

/** What a set of rules does to a packet. */
export interface Judgement {
  readonly verdict: 'accept' | 'drop' | 'depends';
  /** The rule or policy that decides; null when there is none. */
  readonly rule: string | null;
  /** The chain in which the packet entered the rules. */
  readonly chain: Chain | null;
}

type Verdict = 'accept' | 'drop';

/** What could happen, were a question answered that we do not understand. Null: anything. */
interface Maybe {
  readonly verdict: Verdict | null;
  readonly rule: string;
}

interface Walked {
  readonly verdict: Verdict | 'return';
  readonly rule: string;
  readonly maybes: readonly Maybe[];
}

const hooks: Readonly<Record<Packet['direction'], readonly Hook[]>> = {
  in: ['ingress', 'prerouting', 'input'],
  out: ['output', 'postrouting', 'egress'],
};
const passed: Judgement = { verdict: 'accept', rule: null, chain: null };
const deepest = 32;

/**
 * Pure: a packet has to pass every base chain on its way, in the order of hooks and priorities. What is not understood
 * makes the result `depends`, but only where it could change it.
 */
export function judge(ruleset: Ruleset, packet: Packet): Judgement {
  let doubt: Judgement | null = null;
  let last: Judgement = passed;
  for (const [chain, entry] of baseChains(ruleset, packet)) {
    const judged = judgeChain(ruleset, chain, entry, packet);
    if (judged.verdict === 'drop') return judged;
    if (judged.verdict === 'depends') doubt ??= judged;
    last = judged;
  }
  return doubt ?? last;
}

function baseChains(
  { chains }: Ruleset,
  { family: ours, direction, interface: device }: Packet,
): readonly (readonly [Chain, Entry])[] {
  const order = hooks[direction];
  return chains
    .flatMap((chain) => (chain.entry === undefined ? [] : [[chain, chain.entry] as const]))
    .filter(([{ family }]) => [ours, 'inet', 'netdev'].includes(family))
    .filter(([, entry]) => order.includes(entry.hook))
    .filter(([, entry]) => entry.devices?.includes(device) ?? true)
    .toSorted(
      ([, a], [, b]) => order.indexOf(a.hook) - order.indexOf(b.hook) || a.priority - b.priority,
    );
}

function judgeChain(ruleset: Ruleset, chain: Chain, entry: Entry, packet: Packet): Judgement {
  const walked = walk(ruleset, chain, packet, 0);
  const [verdict, rule] =
    walked.verdict === 'return'
      ? ([entry.policy, `policy ${entry.policy}`] as const)
      : ([walked.verdict, walked.rule] as const);
  const doubt =
    walked.maybes.find((maybe) => maybe.verdict !== verdict) ??
    (entry.devices === null && verdict === 'drop' ? { rule } : undefined);
  return doubt === undefined
    ? { verdict, rule, chain }
    : { verdict: 'depends', rule: doubt.rule, chain };
}

function walk(ruleset: Ruleset, chain: Chain, packet: Packet, depth: number): Walked {
  const maybes: Maybe[] = [];
  if (depth > deepest) {
    return { verdict: 'return', rule: '', maybes: [{ verdict: null, rule: chain.name }] };
  }
  for (const rule of chain.rules) {
    const fits = fit(rule, packet);
    const { action, text } = rule;
    if (fits === false || action.kind === 'none') continue;
    const sure = fits === true;
    switch (action.kind) {
      case 'accept':
      case 'drop':
        if (sure) return { verdict: action.kind, rule: text, maybes };
        maybes.push({ verdict: action.kind, rule: text });
        break;
      case 'return':
        if (sure) return { verdict: 'return', rule: text, maybes };
        maybes.push({ verdict: null, rule: text });
        break;
      case 'unknown':
        maybes.push({ verdict: null, rule: text });
        break;
      case 'jump':
      case 'goto': {
        const inner = walkTo(ruleset, chain, action.chain, packet, depth);
        maybes.push(...inner.maybes);
        if (inner.verdict === 'return') {
          if (action.kind === 'goto' && sure) return { ...inner, maybes };
          if (action.kind === 'goto') maybes.push({ verdict: null, rule: text });
          break;
        }
        if (sure) return { ...inner, maybes };
        maybes.push({ verdict: inner.verdict, rule: inner.rule });
      }
    }
  }
  return { verdict: 'return', rule: '', maybes };
}

function walkTo(
  ruleset: Ruleset,
  { family, table }: Chain,
  name: string,
  packet: Packet,
  depth: number,
): Walked {
  const target = ruleset.chains.find(
    (chain) => chain.family === family && chain.table === table && chain.name === name,
  );
  if (target) return walk(ruleset, target, packet, depth + 1);
  return { verdict: 'return', rule: name, maybes: [{ verdict: null, rule: name }] };
}

/** All tests; one that fails decides, whatever the others are. */
function fit({ tests }: Rule, packet: Packet): boolean | null {
  const answers = tests.map((test) => test(packet));
  if (answers.includes(false)) return false;
  return answers.includes(null) ? null : true;
}
