import { z } from 'zod/mini';
import { testOf, type Sets } from './nft-tests.js';
import type { Action, Chain, Entry, Hook, Rule, Ruleset, Test } from './ruleset.js';

const chainSchema = z.object({
  family: z.string(),
  table: z.string(),
  name: z.string(),
  type: z.optional(z.string()),
  hook: z.optional(z.string()),
  prio: z.optional(z.number()),
  policy: z.optional(z.string()),
  dev: z.optional(z.union([z.string(), z.array(z.string())])),
});
const ruleSchema = z.object({
  family: z.string(),
  table: z.string(),
  chain: z.string(),
  handle: z.number(),
  expr: z.array(z.record(z.string(), z.unknown())),
});
const setSchema = z.object({
  family: z.string(),
  table: z.string(),
  name: z.string(),
  elem: z.optional(z.array(z.unknown())),
});
const rulesetSchema = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) });

/** The hooks of chains that may drop; those of NAT stop nothing. */
const hooks: readonly string[] = [
  'ingress',
  'prerouting',
  'input',
  'output',
  'postrouting',
  'egress',
];
const ofDevices: readonly string[] = ['ingress', 'egress'];

/**
 * Pure: reads what `nft -j list ruleset` prints; the words of the rules come from `nft -a list ruleset`. Tables for
 * which `isOthers` holds are left out. Null when it cannot be read.
 */
export function readNft(
  json: string,
  listing: string,
  isOthers: (family: string, table: string) => boolean,
): Ruleset | null {
  const parsed = rulesetSchema.safeParse(parseJson(json));
  if (!parsed.success) return null;
  const items = parsed.data.nftables;
  const all = <T>(key: string, schema: z.ZodMiniType<T>): readonly T[] =>
    items.flatMap((item) => {
      const read = schema.safeParse(item[key]);
      return read.success ? [read.data] : [];
    });
  const rules = all('rule', ruleSchema);
  const words = wordsOf(listing);
  const sets = all('set', setSchema);
  const chains = all('chain', chainSchema)
    .filter(({ family, table }) => !isOthers(family, table))
    .map((chain): Chain => {
      const { family, table, name } = chain;
      const known: Sets = (set) =>
        sets.find((one) => one.family === family && one.table === table && one.name === set)?.elem;
      return {
        family,
        table,
        name,
        entry: entryOf(chain),
        rules: rules
          .filter((rule) => rule.family === family && rule.table === table && rule.chain === name)
          .flatMap(({ expr, handle }) => {
            const text = words.get(`${family} ${table} ${handle}`) ?? JSON.stringify(expr);
            return readRule(expr, text, known);
          }),
      };
    });
  return { kind: 'nft', chains };
}

function entryOf({
  hook,
  type,
  prio,
  policy,
  dev,
}: z.infer<typeof chainSchema>): Entry | undefined {
  if (hook === undefined || !hooks.includes(hook) || type === 'nat') return undefined;
  return {
    hook: hook as Hook,
    priority: prio ?? 0,
    policy: policy === 'drop' ? 'drop' : 'accept',
    ...(ofDevices.includes(hook) && { devices: dev === undefined ? null : [dev].flat() }),
  };
}

/** One rule; one with a map of verdicts is as many rules as the map has entries. */
function readRule(
  expressions: readonly Readonly<Record<string, unknown>>[],
  text: string,
  sets: Sets,
): readonly Rule[] {
  const tests: Test[] = [];
  for (const expression of expressions) {
    const [[kind, value] = ['', undefined]] = Object.entries(expression);
    if (kind === 'vmap') return mapRules(value, text, tests, sets);
    const action = actionOf(kind, value);
    if (action !== undefined) return [{ text, tests, action }];
    const test = testOf(kind, value, sets);
    if (test !== undefined) tests.push(test);
  }
  return [{ text, tests, action: { kind: 'none' } }];
}

function mapRules(
  value: unknown,
  text: string,
  tests: readonly Test[],
  sets: Sets,
): readonly Rule[] {
  const map = z
    .object({
      key: z.unknown(),
      data: z.object({ set: z.array(z.tuple([z.unknown(), z.record(z.string(), z.unknown())])) }),
    })
    .safeParse(value);
  if (!map.success) return [{ text, tests, action: { kind: 'unknown' } }];
  const { key, data } = map.data;
  return data.set.map(([right, verdict]) => {
    const [[kind, target] = ['', undefined]] = Object.entries(verdict);
    const test = testOf('match', { op: '==', left: key, right }, sets);
    const action = actionOf(kind, target) ?? { kind: 'unknown' };
    return { text, tests: [...tests, ...(test ? [test] : [])], action };
  });
}

/** What a statement does to a packet; undefined when it only looks. */
function actionOf(kind: string, value: unknown): Action | undefined {
  switch (kind) {
    case 'accept':
    case 'drop':
    case 'return':
      return { kind };
    case 'reject':
      return { kind: 'drop' };
    case 'continue':
      return { kind: 'none' };
    case 'queue':
      return { kind: 'unknown' };
    case 'jump':
    case 'goto': {
      const target = z.object({ target: z.string() }).safeParse(value);
      return target.success ? { kind, chain: target.data.target } : { kind: 'unknown' };
    }
    case 'xt': {
      const other = z.object({ type: z.literal('target'), name: z.string() }).safeParse(value);
      if (!other.success) return undefined;
      return { kind: other.data.name === 'REJECT' ? 'drop' : 'none' };
    }
    default:
      return undefined;
  }
}

/** The rules as a person reads them, by family, table and handle. */
function wordsOf(listing: string): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  let table = '';
  for (const line of listing.split('\n')) {
    const [, family, name] = /^table (?:(\S+) )?(\S+) \{/.exec(line) ?? [];
    if (name !== undefined) table = `${family ?? 'ip'} ${name}`;
    const [, rule, handle] = /^\s+(.*\S)\s+# handle (\d+)$/.exec(line) ?? [];
    if (rule !== undefined && !rule.endsWith('{')) words.set(`${table} ${handle ?? ''}`, rule);
  }
  return words;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
