import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  figures,
  idsOf,
  layCables,
  scans,
  startCrowd,
  startServing,
  type Cables,
  type ScanLine,
  type Serving,
} from '../support/discovery-lan.js';
import { privileged } from '../support/privileges.js';

let cables: Cables;
const serving: Serving[] = [];

beforeEach(() => {
  if (privileged) cables = layCables([0, 1, 2]);
});

afterEach(async () => {
  await Promise.all(serving.splice(0).map((one) => one[Symbol.asyncDispose]()));
  if (privileged) await cables[Symbol.asyncDispose]();
});

describe.skipIf(!privileged)('a network that loses datagrams', () => {
  const machines = 12;
  const rounds = 40;

  test.for([
    [20, 0.99],
    [40, 0.93],
  ] as const)('%i %% each way', async ([percent, share], { annotate }) => {
    cables.add('c');
    for (const subnet of [0, 1, 2]) cables.plug('c', subnet, 2);
    for (let machine = 0; machine < machines; machine += 1) {
      cables.add(`m${machine}`);
      cables.plug(`m${machine}`, machine % 3, 10 + machine);
      const two = [0, 1].map((server) => ({
        id: String(machine * 2 + server).padStart(52, '0'),
        run: 'run00000',
        name: `m${machine} ${server}`,
        port: 30001 + server,
        code: true,
      }));
      serving.push(await startServing(`m${machine}`, two));
    }
    const drop = `udp dport != 0 numgen random mod 100 < ${percent} drop`;
    cables.run(
      'c',
      ['nft', '-f', '-'],
      `table inet lossy {
        chain in { type filter hook input priority 0; iif != lo ${drop}; }
        chain out { type filter hook output priority 0; oif != lo ${drop}; }
      }`,
    );
    const found = rowsOf(await scans('c', { times: rounds })) / (rounds * machines * 2);
    await annotate(`${(found * 100).toFixed(2)} %`);
    expect(found).toBeGreaterThanOrEqual(share);
  });
});

describe.skipIf(!privileged)('very many servers behind 10 Mbit/s', () => {
  const rounds = 5;
  const link = 'fe80::2';

  test.for([300, 1000])('%i are found', async (count, { annotate }) => {
    cables.add('c');
    cables.plug('c', 0, 2);
    cables.ip('c', 'addr add 10.77.16.2/20 brd + dev e0', `addr add ${link}/64 dev e0 nodad`);
    cables.add('m');
    cables.plug('m', 0, 3);
    const mac = cables.run('c', ['cat', '/sys/class/net/e0/address']);
    const numbers = Array.from({ length: count }, (_, at) => at);
    cables.ip(
      'm',
      'addr del 10.77.0.3/24 dev e0',
      // One process stands for all of them: its one look-up of the client must not get lost among their replies.
      ...['10.77.16.2', link].map((to) => `neigh replace ${to} lladdr ${mac} dev e0`),
      ...numbers.flatMap((at) => [
        `addr add 10.77.${17 + (at >> 8)}.${at & 255}/20 brd + dev e0`,
        `addr add fe80::77:${at.toString(16)}/64 dev e0 nodad`,
      ]),
    );
    const slow = 'qdisc add dev e0 root tbf rate 10mbit burst 16kb limit 64kb'.split(' ');
    for (const machine of ['c', 'm']) cables.run(machine, ['tc', ...slow]);
    serving.push(await startCrowd('m', count));
    const found = await scans('c', { times: rounds });
    const last = found.map(
      ({ findings }) => findings.filter(({ kind }) => kind === 'server').at(-1)!.atMs,
    );
    await annotate(
      `of ${count}: ${found.map((scan) => idsOf(scan).length).join(', ')}; last row ${figures(last)}`,
    );
    expect(rowsOf(found) / (rounds * count)).toBeGreaterThanOrEqual(0.99);
  });
});

function rowsOf(found: readonly ScanLine[]): number {
  return found.reduce((sum, scan) => sum + new Set(idsOf(scan)).size, 0);
}
