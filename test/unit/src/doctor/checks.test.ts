import { expect, test } from 'vitest';
import { checksOf } from '#src/doctor/checks.js';
import type { Facts } from '#src/doctor/facts.js';
import { facts } from './facts.js';

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
