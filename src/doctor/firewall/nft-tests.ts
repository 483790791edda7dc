import { z } from 'zod/mini';
import { inverted, nameFits, networkFits, portsFit, type Fit } from './matches.js';
import type { Packet, PortRange } from './packet.js';
import type { Test } from './ruleset.js';

/** The elements of a named set of the same table. */
export type Sets = (name: string) => readonly unknown[] | undefined;

const matchSchema = z.object({ op: z.string(), left: z.unknown(), right: z.unknown() });
const leftSchema = z.object({
  payload: z.optional(z.object({ protocol: z.string(), field: z.string() })),
  meta: z.optional(z.object({ key: z.string() })),
  ct: z.optional(z.object({ key: z.string() })),
  fib: z.optional(z.object({ result: z.string(), flags: z.unknown() })),
});
/** Only some bits of a field: the field, then which. */
const bitsSchema = z.object({ '&': z.tuple([z.unknown(), z.unknown()]) });

/** Statements that neither ask nor decide anything. */
const passing = ['counter', 'log', 'mangle', 'notrack', 'comment', 'set', 'flow', 'ct helper'];

/** What a statement asks of a packet; undefined when it asks nothing. */
export function testOf(kind: string, value: unknown, sets: Sets): Test | undefined {
  if (passing.includes(kind)) return undefined;
  if (kind === 'xt') {
    const isComment = z.object({ name: z.literal('comment') }).safeParse(value).success;
    return isComment ? undefined : () => null;
  }
  const match = matchSchema.safeParse(value);
  if (kind !== 'match' || !match.success) return () => null;
  const bits = bitsSchema.safeParse(match.data.left);
  const [field, mask] = bits.success ? bits.data['&'] : [match.data.left];
  const left = leftSchema.safeParse(field);
  if (!left.success) return () => null;
  const { payload } = left.data;
  const isFlags = payload?.protocol === 'tcp' && payload.field === 'flags';
  const fit = isFlags
    ? flagsFit(mask, match.data)
    : bits.success
      ? () => null
      : comparison(left.data, match.data, sets);
  // A field of another protocol is not there, whatever it is compared with.
  return (packet) => (payload && isForeign(payload.protocol, packet) ? false : fit(packet));
}

type Left = z.infer<typeof leftSchema>;

function comparison(left: Left, { op, right }: z.infer<typeof matchSchema>, sets: Sets): Test {
  const values = valuesOf(right, sets);
  if (values === null) return () => null;
  if (op === '<' || op === '>' || op === '<=' || op === '>=') {
    const range = rangeOf(op, values[0]);
    return (packet) => (range === null ? null : fits(left, [range], packet));
  }
  if (op === '!=') return (packet) => inverted(fits(left, values, packet));
  return (packet) => fits(left, values, packet);
}

/** Our packet begins a connection: of all flags it has that one. */
function flagsFit(mask: unknown, { op, right }: z.infer<typeof matchSchema>): Test {
  const masked = mask === undefined ? ['syn'] : flagsOf(mask);
  const wanted = flagsOf(right);
  if (masked === null || wanted === null) return () => null;
  const own = masked.includes('syn') ? ['syn'] : [];
  if (op === 'in') return () => wanted.includes('syn');
  const isSame = own.join() === wanted.join();
  return () => (op === '==' || op === '!=' ? isSame === (op === '==') : null);
}

/** `"syn"`, `["syn", "ack"]`, `{"|": ["syn", "ack"]}` of any depth; 0 is none of them. Null: not understood. */
function flagsOf(value: unknown): readonly string[] | null {
  if (typeof value === 'string') return [value];
  if (value === 0) return [];
  const joined = z.object({ '|': z.array(z.unknown()) }).safeParse(value);
  const parts = joined.success ? joined.data['|'] : value;
  if (!Array.isArray(parts)) return null;
  const flags = parts.map(flagsOf);
  return flags.includes(null) ? null : flags.flatMap((some) => some ?? []);
}

function fits(left: Left, values: readonly unknown[], packet: Packet): Fit {
  const { payload, meta, ct, fib } = left;
  if (payload) return payloadFits(payload, values, packet);
  if (meta) return metaFits(meta.key, values, packet);
  if (ct?.key === 'state') return values.includes('new');
  // Of what is new nothing has been replied to or translated yet.
  if (ct?.key === 'status') return false;
  if (ct) return null;
  if (fib?.result === 'oif' && JSON.stringify(fib.flags).includes('saddr')) {
    // There is a way back to whoever is in a network of ours; false asks for its being missing.
    return values.every((value) => typeof value === 'boolean') ? values.includes(true) : null;
  }
  if (fib?.result === 'type' && JSON.stringify(fib.flags).includes('daddr')) {
    const isLocal = packet.cast === 'unicast' && packet.direction === 'in';
    return values.includes(isLocal ? 'local' : packet.cast);
  }
  return null;
}

/** Whether a packet has no header of that protocol. */
function isForeign(protocol: string, packet: Packet): boolean {
  if (protocol === 'udp' || protocol === 'tcp') return protocol !== packet.protocol;
  if (protocol === 'ip' || protocol === 'ip6') return protocol !== packet.family;
  return ['icmp', 'icmpv6', 'igmp', 'sctp', 'dccp', 'udplite', 'esp', 'ah'].includes(protocol);
}

function payloadFits(
  { protocol, field }: { readonly protocol: string; readonly field: string },
  values: readonly unknown[],
  packet: Packet,
): Fit {
  if (protocol === 'udp' || protocol === 'tcp' || protocol === 'th') {
    const ranges = values.map(portRange);
    if (ranges.includes(null)) return null;
    const known = ranges.filter((range) => range !== null);
    if (field === 'dport') return portsFit(packet.ports, known);
    return field === 'sport' ? portsFit(packet.sourcePorts, known) : null;
  }
  if (protocol !== 'ip' && protocol !== 'ip6') return null;
  if (field === 'protocol' || field === 'nexthdr') return values.includes(packet.protocol);
  const networks = values.map(network);
  if (networks.includes(null)) return null;
  const known = networks.filter((one) => one !== null);
  if (field === 'saddr') return networkFits(packet.source, known);
  return field === 'daddr' ? networkFits(packet.destination, known) : null;
}

function metaFits(key: string, values: readonly unknown[], packet: Packet): Fit {
  const names = values.map(String);
  switch (key) {
    case 'l4proto':
      return names.includes(packet.protocol);
    case 'nfproto':
      return names.includes(packet.family === 'ip' ? 'ipv4' : 'ipv6');
    case 'protocol':
      return names.includes(packet.family);
    case 'pkttype':
      return (
        names.includes(packet.cast) ||
        (packet.cast === 'unicast' && packet.direction === 'in' && names.includes('host'))
      );
    case 'iif':
    case 'iifname':
      return packet.direction === 'in' ? nameFits(packet.interface, names, '*') : null;
    case 'oif':
    case 'oifname':
      return packet.direction === 'out' ? nameFits(packet.interface, names, '*') : null;
    default:
      return null;
  }
}

/** The single values of what stands on the right; null when they are not known. */
function valuesOf(right: unknown, sets: Sets): readonly unknown[] | null {
  if (typeof right === 'string' && right.startsWith('@')) {
    const elements = sets(right.slice(1));
    return elements === undefined ? null : elements.map(plain);
  }
  if (Array.isArray(right)) return right.map(plain);
  const set = z.object({ set: z.array(z.unknown()) }).safeParse(right);
  return set.success ? set.data.set.map(plain) : [plain(right)];
}

/** Elements of sets may carry a time or a comment. */
function plain(element: unknown): unknown {
  const wrapped = z.object({ elem: z.object({ val: z.unknown() }) }).safeParse(element);
  return wrapped.success ? wrapped.data.elem.val : element;
}

const rangeSchema = z.object({ range: z.tuple([z.unknown(), z.unknown()]) });
const prefixSchema = z.object({ prefix: z.object({ addr: z.string(), len: z.number() }) });

function portRange(value: unknown): PortRange | null {
  if (typeof value === 'number') return [value, value];
  const range = rangeSchema.safeParse(value);
  if (!range.success) return null;
  const [from, to] = range.data.range;
  return typeof from === 'number' && typeof to === 'number' ? [from, to] : null;
}

function network(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const prefix = prefixSchema.safeParse(value);
  if (prefix.success) return `${prefix.data.prefix.addr}/${prefix.data.prefix.len}`;
  const range = rangeSchema.safeParse(value);
  return range.success ? range.data.range.map(String).join('-') : null;
}

function rangeOf(op: string, value: unknown): unknown {
  if (typeof value !== 'number') return null;
  const most = 65_535;
  const ranges: Readonly<Record<string, PortRange>> = {
    '<': [0, value - 1],
    '<=': [0, value],
    '>': [value + 1, most],
    '>=': [value, most],
  };
  return { range: ranges[op] };
}
