import { attendance, type Attendance, type Visit } from '#sharing/dialogue/attendance.js';
import type { SharingError } from '#sharing/errors.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { Right } from '#sharing/wire/message.js';
import { expect, test } from 'vitest';

interface Guest {
  readonly visit: Visit;
  /** Why it was sent away. */
  readonly gone: () => SharingError | undefined;
}

function arrive(here: Attendance, clientId: string, addressKey = clientId): Guest {
  let gone: SharingError | undefined;
  const ending = new AbortController();
  const connection = {
    signal: ending.signal,
    close(error?: SharingError) {
      gone ??= error;
      ending.abort();
    },
  } as Partial<Connection> as Connection;
  return { visit: here.enter({ connection, clientId, addressKey }), gone: () => gone };
}

/** Comes in if it may. */
function enter(
  here: Attendance,
  as: 'peer' | 'open',
  clientId: string,
  addressKey = clientId,
): Guest & { readonly refusal: SharingError | undefined } {
  const guest = arrive(here, clientId, addressKey);
  const refusal = guest.visit.isTooMany(as);
  if (!refusal) guest.visit.letIn(as, as === 'peer' ? ['read'] : []);
  return { ...guest, refusal };
}

const limits = { maxClients: 4, maxClientsPerAddress: 2, maxTransfersPerClient: 8 };

test('strangers have at most half of the places', () => {
  const here = attendance(limits);
  expect(enter(here, 'open', 'a').refusal).toBeUndefined();
  expect(enter(here, 'open', 'b').refusal).toBeUndefined();
  expect(enter(here, 'open', 'c').refusal?.code).toBe('too-many-clients');
});

test('where there is one place only, a stranger may have it', () => {
  const here = attendance({ ...limits, maxClients: 1 });
  const stranger = enter(here, 'open', 'a');
  expect(stranger.refusal).toBeUndefined();
  expect(enter(here, 'peer', 'b').refusal).toBeUndefined();
  expect(stranger.gone()?.code).toBe('too-many-clients');
});

test('a known machine gets the place of the first stranger that has nothing under way', () => {
  const here = attendance(limits);
  const busy = enter(here, 'open', 'a');
  busy.visit.follow({ work: () => 1, grant: () => undefined }, () => undefined);
  const idle = enter(here, 'open', 'b');
  const known = ['c', 'd', 'e', 'f'].map((id) => enter(here, 'peer', id));
  expect(known.map(({ refusal }) => refusal)).toEqual([undefined, undefined, undefined, undefined]);
  expect(idle.gone()?.code).toBe('too-many-clients');
  expect(busy.gone()?.code).toBe('too-many-clients');
  expect(enter(here, 'peer', 'g').refusal?.code).toBe('too-many-clients');
  expect(enter(here, 'open', 'h').refusal?.code).toBe('too-many-clients');
});

test('while a place is free nobody is sent away', () => {
  const here = attendance(limits);
  const strangers = ['a', 'b'].map((id) => enter(here, 'open', id));
  for (const id of ['c', 'd']) expect(enter(here, 'peer', id).refusal).toBeUndefined();
  expect(strangers.map(({ gone }) => gone())).toEqual([undefined, undefined]);
});

test('strangers at an address are not counted against a known machine there, nor it against them', () => {
  const here = attendance({ ...limits, maxClients: 100 });
  for (const id of ['a', 'b']) expect(enter(here, 'open', id, 'same').refusal).toBeUndefined();
  expect(enter(here, 'open', 'c', 'same').refusal?.code).toBe('too-many-clients');
  for (const id of ['d', 'e']) expect(enter(here, 'peer', id, 'same').refusal).toBeUndefined();
  expect(enter(here, 'peer', 'f', 'same').refusal?.code).toBe('too-many-clients');
});

test('a peer that is no longer listed with a right it came with is sent away, a stranger never', () => {
  const here = attendance(limits);
  const listed = new Map<string, readonly Right[]>([
    ['stays', ['read']],
    ['curtailed', ['read']],
    ['grown', ['read', 'write']],
  ]);
  const granted: (readonly [string, readonly Right[]])[] = [];
  const guests = ['stays', 'curtailed', 'grown', 'forgotten', 'stranger'].map((id) => {
    const guest = arrive(here, id);
    const own = id === 'curtailed' ? ['read', 'write'] : id === 'stranger' ? [] : ['read'];
    guest.visit.letIn(id === 'stranger' ? 'open' : 'peer', own as Right[]);
    const grant = (rights: readonly Right[]): readonly Right[] => [...rights, 'replace'];
    guest.visit.follow({ work: () => 0, grant }, (rights) => {
      granted.push([id, rights]);
    });
    return { id, guest };
  });
  const look = (): void => {
    here.review((id) => listed.get(id) ?? []);
  };
  look();
  look();
  expect(granted).toEqual([['grown', ['read', 'write', 'replace']]]);
  const gone = guests.filter(({ guest }) => guest.gone()?.code === 'no-right');
  expect(gone.map(({ id }) => id)).toEqual(['curtailed', 'forgotten']);
  // What was given meanwhile may be taken away again.
  listed.set('grown', ['read']);
  look();
  expect(guests.find(({ id }) => id === 'grown')?.guest.gone()?.code).toBe('no-right');
});
