import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  idsOf,
  layCables,
  scans,
  startServing,
  type Cables,
  type Serving,
} from '../support/discovery-lan.js';
import { privileged } from '../support/privileges.js';

let cables: Cables;
let serving: Serving[];

const idOf = (machine: number): string => String(machine).padStart(52, '0');

/** The client is on subnet 0 with machine 0; machine 1 is on subnet 1, machine 2 has no cable yet. */
describe.skipIf(!privileged)('interfaces that come, go and are renumbered', () => {
  beforeAll(async () => {
    cables = layCables([0, 1]);
    for (const machine of ['c', 'm0', 'm1', 'm2']) cables.add(machine);
    cables.plug('c', 0, 2);
    cables.plug('m0', 0, 10);
    cables.plug('m1', 1, 11);
    serving = await Promise.all(
      [0, 1, 2].map((machine) =>
        startServing(`m${machine}`, [
          { id: idOf(machine), run: 'run00000', name: `m${machine}`, port: 30001, code: true },
        ]),
      ),
    );
  });

  afterAll(async () => {
    await Promise.all(serving.map((machine) => machine[Symbol.asyncDispose]()));
    await cables[Symbol.asyncDispose]();
  });

  /** One scan; what is to happen in the middle of it happens at its first finding. */
  async function scanWith(middle: () => void) {
    let done = false;
    const [scan] = await scans('c', {
      times: 1,
      timeoutMs: 4000,
      onFinding() {
        if (!done) middle();
        done = true;
      },
    });
    return scan!;
  }

  test('one that comes in the middle of a scan is probed from too', async () => {
    const scan = await scanWith(() => {
      cables.plug('c', 1, 2);
    });
    expect(idsOf(scan)).toEqual([idOf(0), idOf(1)]);
    expect(scan.end.interfaces).toEqual(['e0', 'e1']);
  });

  test('one whose address changes in the middle of a scan stops nothing', async () => {
    const scan = await scanWith(() => {
      cables.ip('c', 'addr del 10.77.1.2/24 dev e1', 'addr add 10.77.1.3/24 brd + dev e1');
    });
    expect(idsOf(scan).sort()).toEqual([idOf(0), idOf(1)]);
  });

  test('one that goes in the middle of a scan stops no other, and keeps what it found', async () => {
    const scan = await scanWith(() => {
      cables.ip('c', 'link del e1');
    });
    expect(idsOf(scan)).toContain(idOf(0));
    expect(scan.end.servers).toBe(idsOf(scan).length);
    expect(idsOf((await scans('c', { times: 1 }))[0]!)).toEqual([idOf(0)]);
  });

  test('a server is found where it is now, without a restart', async () => {
    cables.ip('m0', 'addr del 10.77.0.10/24 dev e0', 'addr add 10.77.0.110/24 brd + dev e0');
    const [scan] = await scans('c', { times: 1 });
    const addresses = scan!.findings.flatMap(({ server }) => server.addresses);
    expect(addresses).toContain('10.77.0.110');
    expect(addresses).not.toContain('10.77.0.10');
  });

  test('a server that started without a network is found on the one that comes', async () => {
    cables.plug('m2', 0, 12);
    expect(idsOf((await scans('c', { times: 1 }))[0]!).sort()).toEqual([idOf(0), idOf(2)]);
  });

  test('an interface that is made anew is heard on again, over IPv6 too', async () => {
    cables.ip('m2', 'link del e0');
    cables.plug('m2', 0, 13);
    cables.ip('m2', 'addr del 10.77.0.13/24 dev e0');
    await vi.waitFor(
      async () => {
        const [scan] = await scans('c', { times: 1 });
        expect(idsOf(scan!)).toContain(idOf(2));
      },
      { timeout: 40_000, interval: 500 },
    );
  });
});
