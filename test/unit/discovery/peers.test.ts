import { describe, expect, test } from 'vitest';
import { createPeerTable, type Finding, type PeerTable, type Reply } from '#discovery/peers.js';
import type { Announcement } from '#discovery/wire/announcement.js';
import { announcement, idOf } from './loopback.js';

const own = ['127.0.0.1', '192.168.1.2'];

function setUp(): {
  table: PeerTable;
  merge: PeerTable['merge'];
} {
  const table = createPeerTable({
    rank: (address) => (address.startsWith('127.') ? 2 : address.startsWith('192.168.1.') ? 0 : 1),
    isOwnAddress: (address) => own.includes(address),
  });
  return { table, merge: table.merge.bind(table) };
}

function reply(changes: Partial<Announcement> = {}, newer = false): Reply {
  return { kind: 'announcement', announcement: announcement(changes), newer };
}

const kinds = (findings: readonly Finding[] | null): string[] | undefined =>
  findings?.map(({ kind, server }) => [kind, ...server.marks].join(' '));

describe('one server', () => {
  test('is a row once, whatever number of replies it sends', () => {
    const { table, merge } = setUp();
    expect(merge(reply(), '192.168.1.9')).toEqual([
      {
        kind: 'server',
        server: { ...announcement(), addresses: ['192.168.1.9'], marks: [] },
      },
    ]);
    expect(merge(reply(), '192.168.1.9')).toEqual([]);
    expect(table.servers()).toHaveLength(1);
  });

  test('gathers its addresses, the nearest first, loopback last', () => {
    const { table, merge } = setUp();
    merge(reply(), '127.0.0.1');
    merge(reply(), '10.0.0.9');
    const found = merge(reply(), '192.168.1.2');
    expect(kinds(found)).toEqual(['address']);
    expect(found?.[0]).toMatchObject({ address: '192.168.1.2' });
    expect(table.servers()[0]?.addresses).toEqual(['192.168.1.2', '10.0.0.9', '127.0.0.1']);
  });

  test('that speaks a higher version is marked', () => {
    expect(kinds(setUp().merge(reply({}, true), '10.0.0.9'))).toEqual(['server newer']);
  });

  test('two on one machine with one key are two rows without a mark', () => {
    const { merge } = setUp();
    expect(kinds(merge(reply({ run: 'run00001' }), '192.168.1.2'))).toEqual(['server']);
    expect(kinds(merge(reply({ run: 'run00002', port: 30002 }), '127.0.0.1'))).toEqual(['server']);
    expect(kinds(merge(reply({ run: 'run00002', port: 30002 }), '192.168.1.2'))).toEqual([
      'address',
    ]);
  });
});

describe('a restart', () => {
  test('replaces the row', () => {
    const { table, merge } = setUp();
    merge(reply({ run: 'run00001' }), '10.0.0.9');
    const found = merge(reply({ run: 'run00002', name: 'Ambra' }), '10.0.0.9');
    expect(found).toMatchObject([
      { kind: 'replaced', previous: { run: 'run00001' }, server: { run: 'run00002' } },
    ]);
    expect(table.servers()).toMatchObject([{ name: 'Ambra', run: 'run00002', marks: [] }]);
  });

  test('is recognised when the new run was first heard from another address', () => {
    const { table, merge } = setUp();
    merge(reply({ run: 'run00001' }), '10.0.0.9');
    merge(reply({ run: 'run00002' }), '192.168.1.9');
    expect(kinds(merge(reply({ run: 'run00002' }), '10.0.0.9'))).toEqual(['address', 'replaced']);
    expect(table.servers()).toMatchObject([{ run: 'run00002', marks: [] }]);
  });

  test('whose earlier run goes on answering is none: both are shown and marked', () => {
    const { table, merge } = setUp();
    merge(reply({ run: 'run00001' }), '10.0.0.9');
    merge(reply({ run: 'run00002', name: 'Mallory' }), '10.0.0.9');
    expect(kinds(merge(reply({ run: 'run00001' }), '10.0.0.9'))).toEqual([
      'server conflict',
      'replaced conflict',
    ]);
    expect(table.servers().map(({ name, marks }) => [name, ...marks])).toEqual([
      ['Amber', 'conflict'],
      ['Mallory', 'conflict'],
    ]);
    expect(merge(reply({ run: 'run00002', name: 'Mallory' }), '10.0.0.9')).toEqual([]);
  });
});

describe('contradictions', () => {
  test.each([{ name: 'Other' }, { port: 30002 }, { code: false }])(
    'the same id and run with %j is a second row, both marked',
    (change) => {
      const { table, merge } = setUp();
      merge(reply(), '10.0.0.9');
      expect(kinds(merge(reply(change), '10.0.0.8'))).toEqual([
        'server conflict',
        'replaced conflict',
      ]);
      expect(table.servers()).toHaveLength(2);
    },
  );

  test('the same id elsewhere is two rows, both marked', () => {
    const { table, merge } = setUp();
    merge(reply({ run: 'run00001' }), '10.0.0.9');
    expect(kinds(merge(reply({ run: 'run00002' }), '10.0.0.8'))).toEqual([
      'server twin',
      'replaced twin',
    ]);
    expect(table.servers()).toHaveLength(2);
  });

  test('twins that turn out to be one machine lose the mark', () => {
    const { table, merge } = setUp();
    merge(reply({ run: 'run00001', port: 30001 }), '10.0.0.9');
    merge(reply({ run: 'run00002', port: 30002 }), '192.168.1.9');
    expect(kinds(merge(reply({ run: 'run00001', port: 30001 }), '192.168.1.9'))).toEqual([
      'address',
      'replaced',
    ]);
    expect(table.servers().flatMap(({ marks }) => marks)).toEqual([]);
  });
});

describe('two runs of one id heard at addresses of different kinds', () => {
  const first = reply({ run: 'run00001', port: 30001 });
  const second = reply({ run: 'run00002', port: 30002 });

  test.each([
    ['10.0.0.9', 'fe80::9%e0'],
    ['fd00::9', 'fe80::9%e0'],
    ['10.0.0.9', 'fd00::9'],
  ])('are not marked before an address of the same kind tells them apart: %s, %s', (one, other) => {
    const { table, merge } = setUp();
    merge(first, one);
    expect(kinds(merge(second, other))).toEqual(['server']);
    expect(kinds(merge(second, one))).toEqual(['address']);
    expect(table.settle()).toEqual([]);
    expect(kinds(merge(first, '10.0.0.8'))).toEqual(['address']);
  });

  test('are twins as soon as one does, or nothing more is heard', () => {
    const { table, merge } = setUp();
    merge(first, '10.0.0.9');
    merge(second, 'fe80::9%e0');
    expect(kinds(table.settle())).toEqual(['replaced twin', 'replaced twin']);
    expect(table.settle()).toEqual([]);

    const { merge: hear } = setUp();
    hear(first, '10.0.0.9');
    hear(second, 'fe80::9%e0');
    expect(kinds(hear(second, '10.0.0.8'))).toEqual(['address twin', 'replaced twin']);
  });
});

describe('legacy servers', () => {
  test('are known by address and name', () => {
    const { merge } = setUp();
    const legacy = (name: string): Reply => ({ kind: 'legacy', name });
    expect(merge(legacy('Old'), '10.0.0.9')).toMatchObject([
      { server: { id: null, run: null, code: null, name: 'Old', port: 30001, marks: ['legacy'] } },
    ]);
    expect(merge(legacy('Old'), '10.0.0.9')).toEqual([]);
    expect(kinds(merge(legacy('Old'), '10.0.0.8'))).toEqual(['server legacy']);
    expect(kinds(merge(legacy('Older'), '10.0.0.9'))).toEqual(['server legacy']);
  });
});

describe('what mDNS announces', () => {
  const source = '10.0.0.9';

  test('is a row with a mark, which goes with the first reply', () => {
    const { table, merge } = setUp();
    expect(kinds(merge(reply(), '10.0.0.9', source))).toEqual(['server mdns']);
    expect(merge(reply(), '10.0.0.9', source)).toEqual([]);
    expect(kinds(merge(reply(), '10.0.0.9'))).toEqual(['replaced']);
    expect(table.servers()).toMatchObject([{ addresses: ['10.0.0.9'], marks: [] }]);
  });

  test('gathers addresses until a reply comes: then it is where it answers', () => {
    const { table, merge } = setUp();
    merge(reply(), '10.0.0.9', source);
    expect(kinds(merge(reply(), '10.0.1.9', source))).toEqual(['address mdns']);
    merge(reply(), '192.168.1.9');
    expect(table.servers()).toMatchObject([{ addresses: ['192.168.1.9'], marks: [] }]);
    expect(merge(reply(), '10.0.1.9', source)).toEqual([]);
    expect(kinds(merge(reply(), '10.0.1.9'))).toEqual(['address']);
  });

  test.each([
    ['another name under its id and run', { name: 'Mallory' }, '10.0.0.66'],
    ['another run at its address', { run: 'run00002' }, '10.0.0.9'],
  ])('cannot contradict a server that answered, before or after: %s', (_what, changes, at) => {
    for (const first of ['reply', 'mention']) {
      const { table, merge } = setUp();
      if (first === 'reply') merge(reply(), '10.0.0.9');
      merge(reply(changes), at, '10.0.0.66');
      merge(reply(), '10.0.0.9');
      expect(table.servers()).toMatchObject([{ name: 'Amber', run: 'run00000', marks: [] }]);
    }
  });

  test('of the same id elsewhere is a twin', () => {
    const { merge } = setUp();
    merge(reply(), '10.0.0.9');
    const found = merge(reply({ run: 'run00002' }), '10.0.0.66', '10.0.0.66');
    expect(kinds(found)).toEqual(['server twin mdns', 'replaced twin']);
  });

  test('is 8 rows per source and 4 per id, and takes no place from a server that answers', () => {
    const { table, merge } = setUp();
    const id = (i: number): string => idOf('0').slice(4) + String(i).padStart(4, '0');
    for (let i = 0; i < 100; i += 1) merge(reply({ id: id(i) }), `10.0.1.${i}`, '10.0.0.66');
    expect(table.servers()).toHaveLength(8);
    for (let i = 0; i < 100; i += 1) merge(reply({ id: id(i) }), '10.0.0.9', `10.0.2.${i}`);
    expect(table.servers().filter(({ addresses }) => addresses.includes('10.0.0.9'))).toHaveLength(
      8,
    );
    expect(kinds(merge(reply(), '10.0.0.9'))).toEqual(['server']);
    for (let i = 0; i < 100; i += 1) {
      merge(reply({ id: idOf('B'), run: `run000${10 + i}` }), `10.0.3.${i}`, `10.0.3.${i}`);
    }
    expect(table.servers().filter((server) => server.id === idOf('B'))).toHaveLength(4);
    for (let i = 0; i < 1000; i += 1) {
      merge(reply({ id: id(5000 + i) }), `10.1.${i >> 8}.${i & 255}`, `10.1.${i >> 8}.${i & 255}`);
    }
    expect(table.servers().filter(({ marks }) => marks.includes('mdns'))).toHaveLength(256);
  });
});

describe('what a neighbour mentions of another address', () => {
  const id = (i: number): string => idOf('0').slice(4) + String(i).padStart(4, '0');

  test('takes nothing from what that one says of itself', () => {
    const { table, merge } = setUp();
    for (let i = 0; i < 8; i += 1) merge(reply({ id: id(i) }), '10.0.0.9', '10.0.0.66');
    expect(kinds(merge(reply(), '10.0.0.9', '10.0.0.9'))).toEqual(['server mdns']);
    expect(table.servers()).toHaveLength(9);
  });

  test('is not counted when there is no room for it', () => {
    const { merge } = setUp();
    for (let i = 0; i < 8; i += 1) merge(reply(), `10.0.1.${i}`, `10.0.1.${i}`);
    for (let i = 0; i < 20; i += 1) expect(merge(reply(), `10.0.2.${i}`, '10.0.0.9')).toBeNull();
    expect(kinds(merge(reply({ id: idOf('B') }), '10.0.0.9', '10.0.0.9'))).toEqual(['server mdns']);
  });
});

describe('caps', () => {
  const id = (i: number): string => idOf('0').slice(4) + String(i).padStart(4, '0');

  test('an id that others have filled has room for a server elsewhere', () => {
    const { table, merge } = setUp();
    const honest = reply({ run: 'honest00' });
    for (let i = 0; i < 16; i += 1) {
      merge(reply({ run: `run000${10 + i}`, port: 4000 + i }), `10.0.0.${66 + (i >> 3)}`);
    }
    const found = merge(honest, '10.0.0.9');
    expect(found?.[0]).toMatchObject({
      kind: 'replaced',
      previous: { run: 'run00025' },
      server: { run: 'honest00' },
    });
    expect(table.servers()).toHaveLength(16);
    expect(table.servers().some(({ run }) => run === 'honest00')).toBe(true);
    // It cannot be driven out in the same way.
    for (let i = 0; i < 100; i += 1) merge(reply({ run: `more00${10 + i}` }), '10.0.0.66');
    expect(table.servers().some(({ run }) => run === 'honest00')).toBe(true);
    expect(table.servers()).toHaveLength(16);
  });

  test('two who claim one id do not change places for ever', () => {
    const { merge } = setUp();
    let told = 0;
    for (let i = 0; i < 2000; i += 1) {
      const claim = reply({ run: `run${String(i).padStart(5, '0')}`, port: 4000 + i });
      told += merge(claim, `10.0.0.${i % 3}`)?.filter(({ kind }) => kind !== 'address').length ?? 0;
    }
    expect(told).toBeLessThan(500);
  });

  test('a better address takes the place of the worst in a full row, and no worse one', () => {
    const { table, merge } = setUp();
    for (let i = 0; i < 8; i += 1) merge(reply(), `10.0.0.${i}`);
    // Nobody is missing for it, so it does not count as refused.
    expect(merge(reply(), '10.0.0.8')).toEqual([]);
    expect(kinds(merge(reply(), '192.168.1.9'))).toEqual(['address']);
    expect(table.servers()[0]?.addresses[0]).toBe('192.168.1.9');
    expect(table.servers()[0]?.addresses).toHaveLength(8);
    // Who was there first stays.
    expect(table.servers()[0]?.addresses).toContain('10.0.0.0');
    expect(table.servers()[0]?.addresses).not.toContain('10.0.0.7');
  });

  test('8 servers per source address', () => {
    const { table, merge } = setUp();
    for (let i = 0; i < 100; i += 1) merge(reply({ id: id(i) }), '10.0.0.9');
    expect(table.servers()).toHaveLength(8);
    expect(merge(reply({ id: id(200) }), '10.0.0.9')).toBeNull();
    expect(merge(reply({ id: id(0) }), '10.0.0.9')).toEqual([]);
    expect(merge(reply({ id: id(200) }), '10.0.0.8')).not.toBeNull();
  });

  test('joining the rows of others and restarting count as well', () => {
    const { table, merge } = setUp();
    for (let i = 0; i < 9; i += 1) merge(reply({ id: id(i) }), `10.0.1.${i}`);
    for (let i = 0; i < 8; i += 1) merge(reply({ id: id(i) }), '10.0.0.9');
    expect(merge(reply({ id: id(8) }), '10.0.0.9')).toBeNull();
    for (let i = 0; i < 100; i += 1) {
      merge(reply({ id: id(500), run: `run${String(i).padStart(5, '0')}` }), '10.0.2.1');
    }
    expect(table.servers().find((server) => server.id === id(500))?.run).toBe('run00007');
  });

  test('8 addresses per server', () => {
    const { table, merge } = setUp();
    for (let i = 0; i < 20; i += 1) merge(reply(), `10.0.0.${i}`);
    expect(table.servers()[0]?.addresses).toHaveLength(8);
  });

  test('16 rows per id', () => {
    const { table, merge } = setUp();
    for (let i = 0; i < 40; i += 1) merge(reply({ run: `run000${10 + i}` }), `10.0.0.${i}`);
    expect(table.servers()).toHaveLength(16);
  });

  test('1024 in all', () => {
    const { table, merge } = setUp();
    for (let i = 0; i < 1100; i += 1) merge(reply({ id: id(i) }), `10.0.${i >> 8}.${i & 255}`);
    expect(table.servers()).toHaveLength(1024);
  });
});

test('a replaced run that answers at another address of its own disputes the run that replaced it', () => {
  const { table, merge } = setUp();
  merge(reply({ run: 'run00001' }), '192.168.1.9');
  merge(reply({ run: 'run00002' }), '192.168.1.9');
  merge(reply({ run: 'run00001' }), '10.0.0.9');
  const marks = table.servers().map((server) => server.marks);
  expect(marks).toHaveLength(2);
  for (const one of marks) expect(one).toContain('conflict');
});
