import { expect, test } from 'vitest';
import { admit, type Applicant, type DoorPolicy } from '#sharing/session/admission.js';

const stranger: Applicant = { id: 'STRANGER', fromHere: false, nearby: true };
const closed: DoorPolicy = { ownId: 'OWN', mode: 'share', open: 'no', rightsOf: () => undefined };

test.each<[string, Partial<Applicant>, Partial<DoorPolicy>, object]>([
  [
    'the owner from here',
    { id: 'OWN', fromHere: true },
    {},
    { as: 'owner', rights: ['read', 'write', 'replace'] },
  ],
  ['the owner from elsewhere', { id: 'OWN' }, {}, { as: 'nobody', code: 'own-key-elsewhere' }],
  [
    'the owner from elsewhere, open',
    { id: 'OWN' },
    { open: 'rw' },
    { as: 'nobody', code: 'own-key-elsewhere' },
  ],
  ['a stranger', {}, {}, { as: 'nobody', code: 'not-known' }],
  ['a stranger on this machine', { fromHere: true }, {}, { as: 'nobody', code: 'not-known' }],
  ['a stranger, open to read', {}, { open: 'read' }, { as: 'open', rights: ['read'] }],
  ['a stranger, open to write', {}, { open: 'rw' }, { as: 'open', rights: ['read', 'write'] }],
  ['a far stranger, open', { nearby: false }, { open: 'rw' }, { as: 'nobody', code: 'not-known' }],
  ['a peer', {}, { rightsOf: () => ['write'] }, { as: 'peer', rights: ['write'] }],
  ['a far peer', { nearby: false }, { rightsOf: () => ['read'] }, { as: 'peer', rights: ['read'] }],
  ['a peer without rights', {}, { rightsOf: () => [] }, { as: 'nobody', code: 'not-known' }],
  [
    'a peer, read-only',
    {},
    { mode: 'read-only', rightsOf: () => ['read', 'write'] },
    { as: 'peer', rights: ['read'] },
  ],
  [
    'a peer that only writes, read-only',
    {},
    { mode: 'read-only', rightsOf: () => ['write'] },
    { as: 'nobody', code: 'no-right' },
  ],
  [
    'the owner, read-only',
    { id: 'OWN', fromHere: true },
    { mode: 'read-only' },
    { as: 'owner', rights: ['read'] },
  ],
  [
    'a peer, inbox',
    {},
    { mode: 'inbox', rightsOf: () => ['read', 'write', 'replace'] },
    { as: 'peer', rights: ['write'] },
  ],
  [
    'a peer that only reads, inbox',
    {},
    { mode: 'inbox', rightsOf: () => ['read'] },
    { as: 'nobody', code: 'no-right' },
  ],
  ['a stranger, open inbox', {}, { mode: 'inbox', open: 'rw' }, { as: 'open', rights: ['write'] }],
  [
    'the owner, inbox',
    { id: 'OWN', fromHere: true },
    { mode: 'inbox' },
    { as: 'owner', rights: ['read', 'write', 'replace'] },
  ],
  [
    'a peer has no less than a stranger',
    {},
    { open: 'rw', rightsOf: () => ['read'] },
    { as: 'peer', rights: ['read', 'write'] },
  ],
])('%s', (_, applicant, policy, expected) => {
  expect(admit({ ...stranger, ...applicant }, { ...closed, ...policy })).toMatchObject(expected);
});
