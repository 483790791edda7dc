import { describe, expect, test } from 'vitest';
import { judge } from '#src/doctor/firewall/judge.js';
import { readNft } from '#src/doctor/firewall/nft.js';
import type { Ruleset } from '#src/doctor/firewall/ruleset.js';
import { packet, stopped, type Verdicts } from './packets.js';

type Expression = Readonly<Record<string, unknown>>;

const table = { family: 'inet', table: 'filter' };
const nobodys = (): boolean => false;
const [accept, drop] = [{ accept: null }, { drop: null }];
const match = (left: unknown, right: unknown, op = '=='): Expression => ({
  match: { op, left, right },
});
const port = (field: string, right: unknown, op = '=='): Expression =>
  match({ payload: { protocol: field.split(' ')[0], field: field.split(' ')[1] } }, right, op);
const meta = (key: string, right: unknown, op = '=='): Expression =>
  match({ meta: { key } }, right, op);
const flags = (mask: unknown, right: unknown, op = '=='): Expression =>
  match({ '&': [{ payload: { protocol: 'tcp', field: 'flags' } }, mask] }, right, op);
const begin = ['fin', 'syn', 'rst', 'ack'];
const older = { '|': [{ '|': [{ '|': ['fin', 'syn'] }, 'rst'] }, 'ack'] };
const established = match({ ct: { key: 'state' } }, ['established', 'related'], 'in');

/** Rules by chain; `input` and `output` are the base chains. */
function ruleset(
  chains: Readonly<Record<string, readonly (readonly Expression[])[]>>,
  policy = 'accept',
  more: readonly unknown[] = [],
): Ruleset | null {
  const base = (name: string, own: string): object =>
    ['input', 'output', 'prerouting'].includes(name)
      ? { type: 'filter', hook: name, prio: 0, policy: own }
      : {};
  const items = Object.entries(chains).flatMap(([name, rules], n) => [
    { chain: { ...table, name, handle: n, ...base(name, name === 'input' ? policy : 'accept') } },
    ...rules.map((expr, at) => ({ rule: { ...table, chain: name, handle: 100 * n + at, expr } })),
  ]);
  const json = JSON.stringify({
    nftables: [{ metainfo: { version: '1.0.6' } }, ...items, ...more],
  });
  return readNft(json, '', nobodys);
}

describe('one rule of what comes in', () => {
  const probe: Verdicts = { 'probe-in': 'drop' };
  const all: Verdicts = { 'reply-in': 'drop', 'probe-in': 'drop', 'tcp-in': 'drop' };
  const maybe: Verdicts = { 'reply-in': 'depends', 'probe-in': 'depends', 'tcp-in': 'depends' };
  test.each<[string, readonly Expression[], Verdicts]>([
    ['a port', [port('udp dport', 30_000), drop], probe],
    ['a port, rejected', [port('udp dport', 30_000), { reject: null }], probe],
    ['a set', [port('udp dport', { set: [137, { range: [29_000, 31_000] }] }), drop], probe],
    ['a set without it', [port('udp dport', { set: [137, 5353] }), drop], {}],
    ['another port', [port('udp dport', 30_000, '!='), drop], { 'reply-in': 'drop' }],
    ['of either protocol', [port('th dport', 30_001), drop], { 'tcp-in': 'drop' }],
    ['above a port', [port('udp dport', 30_000, '>'), drop], { 'reply-in': 'drop' }],
    ['up to a port', [port('udp dport', 30_000, '<='), drop], probe],
    ['a port of origin', [port('udp sport', 30_000), drop], { 'reply-in': 'drop' }],
    ['a protocol', [meta('l4proto', 'tcp'), drop], { 'tcp-in': 'drop' }],
    ['a protocol of ip', [port('ip protocol', 'tcp'), drop], { 'tcp-in': 'drop' }],
    ['IPv6', [port('ip6 nexthdr', 'udp'), drop], {}],
    ['its interface', [meta('iifname', 'eth0'), drop], all],
    ['some interfaces', [meta('iifname', 'eth*'), drop], all],
    ['another interface', [meta('iif', 'lo'), drop], {}],
    ['not that interface', [meta('iifname', 'lo', '!='), drop], all],
    ['broadcasts', [meta('pkttype', 'broadcast'), drop], probe],
    [
      'by the kind of address',
      [match({ fib: { result: 'type', flags: ['daddr'] } }, 'broadcast'), drop],
      probe,
    ],
    ['our network', [port('ip saddr', { prefix: { addr: '192.168.0.0', len: 16 } }), drop], all],
    ['one machine', [port('ip saddr', '192.168.1.9'), drop], maybe],
    ['another network', [port('ip saddr', { prefix: { addr: '10.0.0.0', len: 8 } }), drop], {}],
    ['what is new', [match({ ct: { key: 'state' } }, 'new'), drop], all],
    ['what is established', [established, drop], {}],
    [
      'counted and logged',
      [{ counter: { packets: 0, bytes: 0 } }, { log: { prefix: 'x' } }, drop],
      all,
    ],
    ['so many a second', [{ limit: { rate: 5, per: 'second' } }, drop], maybe],
    [
      'what is not understood',
      [{ match: { op: '==', left: { rt: { key: 'classid' } }, right: 1 } }, drop],
      maybe,
    ],
    [
      'a set that is not there',
      [port('udp dport', '@gone'), drop],
      { 'reply-in': 'depends', 'probe-in': 'depends' },
    ],
    ['a header that none of ours has', [port('igmp type', 'membership-query'), drop], {}],
    ['all but what begins a connection', [flags(begin, 'syn', '!='), drop], {}],
    ['what begins a connection', [flags(begin, 'syn'), drop], { 'tcp-in': 'drop' }],
    ['the same, as older programs write it', [flags(older, 'syn', '!='), drop], {}],
    ['no flag at all', [flags(begin, 0), drop], {}],
    ['two flags', [flags(['fin', 'syn'], ['fin', 'syn']), drop], {}],
    ['all but one flag alone', [port('tcp flags', 'syn', '!='), drop], {}],
    ['a flag among others', [port('tcp flags', ['syn', 'ack'], 'in'), drop], { 'tcp-in': 'drop' }],
    ['a flag of this day', [flags(begin, { map: 1 }), drop], { 'tcp-in': 'depends' }],
    [
      'a part of another header',
      [match({ '&': [{ payload: { protocol: 'ip6', field: 'flowlabel' } }, 1] }, 1), drop],
      {},
    ],
    ['a queue', [{ queue: { num: 0 } }], maybe],
    ['a jump to nowhere', [{ jump: { target: 'gone' } }], maybe],
    ['only a counter', [{ counter: null }], {}],
  ])('%s', (_, rule, verdicts) => {
    expect(stopped(ruleset({ input: [rule] }))).toEqual(verdicts);
  });

  test('a named set, of plain elements and of such with a comment', () => {
    const elem = [22, { elem: { val: { range: [30_000, 30_010] }, comment: 'lanpost' } }];
    const sets = [{ set: { ...table, name: 'ports', type: 'inet_service', elem } }];
    const rule = [port('udp dport', '@ports'), drop];
    expect(stopped(ruleset({ input: [rule] }, 'accept', sets))).toEqual(probe);
  });
});

describe('a whole set', () => {
  const guard = {
    input: [
      [established, accept],
      [meta('iif', 'lo'), accept],
    ],
  };

  test('policy drop, with the place that opens it', () => {
    const set = ruleset(guard, 'drop');
    expect(stopped(set)).toEqual({ 'reply-in': 'drop', 'probe-in': 'drop', 'tcp-in': 'drop' });
    expect(judge(set!, packet('tcp-in'))).toMatchObject({
      rule: 'policy drop',
      chain: { family: 'inet', table: 'filter', name: 'input' },
    });
  });

  test('an accept before the policy opens it', () => {
    const input = [...guard.input, [port('udp dport', 30_000), accept]];
    expect(stopped(ruleset({ input }, 'drop'))).toEqual({ 'reply-in': 'drop', 'tcp-in': 'drop' });
  });

  test('a jump comes back, what it accepts is accepted', () => {
    const input = [[meta('l4proto', 'udp'), { jump: { target: 'services' } }], [drop]];
    const services = [
      [port('udp dport', 30_000), accept],
      [port('udp sport', 30_000), { return: null }],
      [accept],
    ];
    expect(stopped(ruleset({ input, services }))).toEqual({ 'reply-in': 'drop', 'tcp-in': 'drop' });
  });

  test('a map of verdicts', () => {
    const data = {
      set: [
        ['invalid', drop],
        ['new', { jump: { target: 'services' } }],
      ],
    };
    const input = [[{ vmap: { key: { ct: { key: 'state' } }, data } }], [drop]];
    const services = [[port('tcp dport', 30_001), accept]];
    expect(stopped(ruleset({ input, services }))).toEqual({
      'reply-in': 'drop',
      'probe-in': 'drop',
    });
  });

  test('whatever an earlier chain accepts, a later one may still drop', () => {
    const chains = { prerouting: [[accept]], input: [[port('tcp dport', 30_001), drop]] };
    expect(stopped(ruleset(chains))).toEqual({ 'tcp-in': 'drop' });
  });

  test('chains of IPv6 and of NAT, and tables of others, stop nothing', () => {
    const chain = { name: 'x', handle: 1, hook: 'input', prio: 0, policy: 'drop' };
    const nftables = [
      { chain: { ...chain, family: 'ip6', table: 'six', type: 'filter' } },
      { chain: { ...chain, family: 'ip', table: 'nat', type: 'nat' } },
      { chain: { ...chain, family: 'ip', table: 'filter', type: 'filter' } },
    ];
    const isOthers = (family: string, name: string): boolean =>
      family === 'ip' && name === 'filter';
    expect(stopped(readNft(JSON.stringify({ nftables }), '', isOthers))).toEqual({});
    expect(stopped(readNft(JSON.stringify({ nftables }), '', nobodys))['tcp-in']).toBe('drop');
  });

  test.each<[string, unknown, string, Verdicts]>([
    ['of that device', 'eth0', 'ingress', { 'tcp-in': 'drop' }],
    ['of several', ['eth1', 'eth0'], 'ingress', { 'tcp-in': 'drop' }],
    ['of others', ['eth1', 'eth2'], 'ingress', {}],
    ['of it is not said which', undefined, 'ingress', { 'tcp-in': 'depends' }],
    ['on the way out', 'eth0', 'egress', { 'tcp-out': 'drop' }],
  ])('a chain of devices: %s', (_, dev, hook, verdicts) => {
    const place = { family: 'netdev', table: 'guard' };
    const chain = { ...place, name: 'x', type: 'filter', hook, prio: 0, policy: 'accept', dev };
    const rule = { ...place, chain: 'x', handle: 1, expr: [port('tcp dport', 30_001), drop] };
    const set = readNft(JSON.stringify({ nftables: [{ chain }, { rule }] }), '', nobodys);
    expect(stopped(set)).toEqual(verdicts);
  });

  test('rules in their own words', () => {
    const listing = [
      'table inet filter { # handle 1',
      '\tchain input { # handle 0',
      '\t\ttype filter hook input priority filter; policy accept;',
      '\t\tudp dport 30000 drop # handle 0',
      '\t}',
      '}',
    ].join('\n');
    const chain = {
      ...table,
      name: 'input',
      handle: 0,
      type: 'filter',
      hook: 'input',
      prio: 0,
      policy: 'accept',
    };
    const rule = { ...table, chain: 'input', handle: 0, expr: [port('udp dport', 30_000), drop] };
    const set = readNft(JSON.stringify({ nftables: [{ chain }, { rule }] }), listing, nobodys);
    expect(judge(set!, packet('probe-in')).rule).toBe('udp dport 30000 drop');
  });

  test('what is no list of rules is none', () => {
    for (const text of ['', 'null', '{}', '{"nftables":1}', '{"nftables":[1]}']) {
      expect(readNft(text, '', nobodys)).toBeNull();
    }
    expect(
      stopped(readNft('{"nftables":[{"chain":{}},{"rule":{"expr":[{}]}}]}', '', nobodys)),
    ).toEqual({});
  });
});

describe('one rule, over IPv6', () => {
  const probe: Verdicts = { 'probe-in': 'drop' };
  test.each<[string, readonly Expression[], Verdicts, Verdicts]>([
    ['a port', [port('udp dport', 30_000), drop], probe, probe],
    ['IPv4', [meta('nfproto', 'ipv4'), port('udp dport', 30_000), drop], probe, {}],
    ['IPv6', [meta('nfproto', 'ipv6'), port('udp dport', 30_000), drop], {}, probe],
    ['a protocol', [meta('protocol', 'ip6'), port('udp dport', 30_000), drop], {}, probe],
    ['a header', [port('ip6 nexthdr', 'tcp'), drop], {}, { 'tcp-in': 'drop' }],
    [
      'a network of theirs',
      [port('ip6 saddr', { prefix: { addr: 'fe80::', len: 10 } }), port('udp dport', 30_000), drop],
      {},
      probe,
    ],
    ['the group', [port('ip6 daddr', 'ff12::7530'), drop], {}, probe],
    ['multicast', [meta('pkttype', 'multicast'), drop], {}, probe],
    [
      'no way back, which there is',
      [match({ fib: { result: 'oif', flags: ['saddr', 'mark', 'iif'] } }, false), drop],
      {},
      {},
    ],
    ['what was translated', [match({ ct: { key: 'status' } }, 'dnat', 'in'), drop], {}, {}],
  ])('%s', (_, rule, over4, over6) => {
    const set = ruleset({ input: [rule] });
    expect(stopped(set)).toEqual(over4);
    expect(stopped(set, 'ip6')).toEqual(over6);
  });
});
