import { expect, test } from 'vitest';
import { checksOf } from '#src/doctor/checks.js';
import type { Facts } from '#src/doctor/facts.js';
import { amber, facts, stopping } from './facts.js';

function textOf(found: Facts, about: string): string | undefined {
  return checksOf(found).find((check) => check.about === about)?.text;
}

test('rules that were not read: what root would see, or that root did not see them either', () => {
  const firewalls = { manager: null, unread: ['nft', 'iptables'], stopped: [] };
  const asUser = facts({ firewalls, environment: { ...facts().environment, isRoot: false } });
  expect(textOf(asUser, 'firewall')).toBe('the rules of nft and iptables can only be seen by root');
  expect(textOf(facts({ firewalls }), 'firewall')).toBe(
    'the rules of nft and iptables could not be read',
  );
});

test('what the rules do is said in words, and what they may do as such', () => {
  const one = stopping('drop', 'reply-in', 'tcp-in')?.stopped ?? [];
  const other = stopping('depends', 'tcp-in', 'probe-in')?.stopped ?? [];
  const said = (stopped: typeof one): string | undefined =>
    textOf(facts({ firewalls: { manager: null, unread: [], stopped } }), 'firewall');
  expect(said([])).toBe('stops nothing of this');
  expect(said(one)).toBe('stops answers, connections from others');
  expect(said(other)).toBe('may stop connections from others, probes of others');
  expect(said([...one, ...other])).toBe(
    'stops answers, connections from others; may stop probes of others',
  );
});

test.each([
  [1, [amber], '2 addresses asked one by one: 1 machine there, 1 answer'],
  [0, [], '2 addresses asked one by one: no machine there, no answer'],
  [24, [amber, amber], '2 addresses asked one by one: 24 machines there, 2 answers'],
])(
  'how many machines are there, also beyond those that were knocked at: %i',
  (count, answers, text) => {
    const machines = Array.from({ length: Math.min(count, 16) }, (_, n) => {
      return { address: `192.168.1.${n}`, tcp: { code: 'ECONNREFUSED' } };
    });
    const neighbours = {
      asked: 2,
      complete: true,
      answers,
      machines,
      more: count - machines.length,
    };
    expect(textOf(facts({ neighbours }), 'network')).toBe(text);
  },
);
