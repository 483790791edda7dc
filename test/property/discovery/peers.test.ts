import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPeerTable, type FoundServer, type Reply } from '#discovery/peers.js';

const id = fc.constantFrom('A', 'B', 'C').map((symbol) => symbol.repeat(52));
const announced: fc.Arbitrary<Reply> = fc.record({
  kind: fc.constant('announcement' as const),
  newer: fc.boolean(),
  announcement: fc.record({
    id,
    run: fc.constantFrom('run00001', 'run00002', 'run00003'),
    name: fc.constantFrom('Amber', 'Basil'),
    port: fc.constantFrom(30001, 30002),
    code: fc.boolean(),
  }),
});
const legacy: fc.Arbitrary<Reply> = fc.record({
  kind: fc.constant('legacy' as const),
  name: fc.constantFrom('Amber', 'Basil'),
});
const address = fc
  .nat(11)
  .map((i) => (i === 0 ? '127.0.0.1' : i < 9 ? `10.0.0.${i}` : `fe80::${i}%e0`));
const reply = fc.tuple(fc.oneof(announced, legacy), address, fc.constant(undefined));
/** What a third address announces by mDNS. */
const mention = fc.tuple(announced, address, address);
const sightings = fc.array(fc.oneof(reply, mention), { maxLength: 300 });

const order = { rank: () => 0, isOwnAddress: (text: string) => text === '127.0.0.1' };

test('a reader who applies the findings sees the table, each row once, within the caps', () => {
  fc.assert(
    fc.property(sightings, (seen) => {
      const table = createPeerTable(order);
      const shown = new Set<FoundServer>();
      let latest: FoundServer | undefined;
      for (const [said, at, source] of seen) {
        for (const finding of table.merge(said, at, source) ?? []) {
          latest = finding.server;
          apply(shown, finding);
        }
      }
      for (const finding of table.settle()) apply(shown, finding);
      expect(keys(shown)).toEqual(keys(table.servers()));
      expect(new Set(keys(shown)).size).toBe(shown.size);
      if (latest !== undefined) expect(shown.size).toBeGreaterThan(0);
      const isMentioned = ({ marks }: FoundServer): boolean => marks.includes('mdns');
      expectCaps(table.servers().filter(isMentioned));
      expectCaps(table.servers().filter((server) => !isMentioned(server)));
      expectMarks(table.servers());
    }),
    { numRuns: 300 },
  );
});

function apply(
  shown: Set<FoundServer>,
  finding: NonNullable<ReturnType<ReturnType<typeof createPeerTable>['merge']>>[number],
): void {
  const { server } = finding;
  const replaced = [...shown].filter((row) => {
    if (finding.kind === 'replaced') return sameRow(row, finding.previous) || sameRow(row, server);
    return sameRow(row, server);
  });
  expect(finding.kind === 'server' && replaced.length > 0).toBe(false);
  for (const row of replaced) shown.delete(row);
  shown.add(server);
}

function sameRow(a: FoundServer, b: FoundServer): boolean {
  const key = ({ id, run, name, port, code, addresses }: FoundServer): string =>
    JSON.stringify([id, run, name, port, code, id === null ? addresses : []]);
  return key(a) === key(b);
}

function keys(servers: Iterable<FoundServer>): string[] {
  return [...servers].map((server) => JSON.stringify(server)).sort();
}

/** No two rows of one id stand side by side without saying so. */
function expectMarks(servers: readonly FoundServer[]): void {
  for (const a of servers) {
    const others = servers.filter((b) => b !== a && b.id === a.id && a.id !== null);
    const shares = (b: FoundServer): boolean =>
      a.addresses.some((text) => b.addresses.includes(text));
    const twin = others.some((b) => b.run !== a.run && !shares(b));
    const conflict = others.some((b) => b.run === a.run);
    const restarted = others.some((b) => b.run !== a.run && b.port === a.port && shares(b));
    expect(a.marks.includes('twin')).toBe(twin);
    if (conflict || restarted) expect(a.marks).toContain('conflict');
    expect(a.marks.includes('legacy')).toBe(a.id === null);
  }
}

test('what answers is shown as if nobody had announced anything', () => {
  fc.assert(
    fc.property(sightings, (seen) => {
      const both = createPeerTable(order);
      const alone = createPeerTable(order);
      for (const [said, at, source] of seen) {
        both.merge(said, at, source);
        if (source === undefined) alone.merge(said, at);
      }
      const rows = (table: typeof both): string[] =>
        table
          .servers()
          .filter(({ marks }) => !marks.includes('mdns'))
          .map((server) => JSON.stringify({ ...server, marks: [] }))
          .sort();
      // With more rows of one id than this the table is full for whoever comes last.
      fc.pre(alone.servers().length < 12);
      expect(rows(both)).toEqual(rows(alone));
    }),
    { numRuns: 300 },
  );
});

function expectCaps(servers: readonly FoundServer[]): void {
  const perAddress = new Map<string, number>();
  for (const { addresses } of servers) {
    expect(addresses.length).toBeLessThanOrEqual(8);
    expect(new Set(addresses).size).toBe(addresses.length);
    for (const text of addresses) perAddress.set(text, (perAddress.get(text) ?? 0) + 1);
  }
  expect(Math.max(0, ...perAddress.values())).toBeLessThanOrEqual(8);
}
