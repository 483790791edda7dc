import { openDevice } from '#sharing/identity/device.js';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { aboutToBeTaken } from '../files.js';
import { buildLan, type Host } from '../hosts.js';
import { serve, start, type Running, type Server } from '../program.js';
import { makeDisk, type Disk, type DiskPlan } from './disks.js';
import { openLedger, sourceFolder, type Ledger } from './model.js';
import type { Random } from './random.js';

/** One machine: where it receives, and what is known of that. */
export interface Station {
  readonly host: Host;
  readonly id: string;
  readonly disk: Disk;
  readonly ledger: Ledger;
  /** What is sent from here lies in a folder of each operation below this one. */
  readonly sources: string;
}

/** One server and several clients that it knows, on one switch. */
export interface World extends AsyncDisposable {
  readonly random: Random;
  readonly server: Station;
  readonly clients: readonly Station[];
  /** The server's process; the last one while there is none. */
  readonly serving: () => Server;
  startServer(): Promise<void>;
  /** Gives a number that nothing else in this world has. */
  readonly next: () => number;
  /** Starts a command of a client, in one shot. */
  command(station: Station, verb: 'get' | 'put', words: readonly string[]): Running;
  /** Starts a client that reads commands, and waits until it is connected. */
  prompt(station: Station): Promise<Prompt>;
  /** Removes all that was sent and received. */
  clear(): Promise<void>;
  /** What is left that should not be, when nothing is under way. */
  leftBehind(): Promise<string[]>;
}

/** A client that is connected and waits for commands. */
export interface Prompt extends Running {
  /** Lines that it had told by then. */
  readonly before: number;
}

export interface WorldPlan {
  readonly folder: string;
  readonly random: Random;
  readonly clients: number;
  readonly serverDisk: DiskPlan;
  readonly clientDisk: DiskPlan;
  /** Megabits a second that each machine may send, so that transfers last. */
  readonly rate: number;
}

/** Times that are shorter than the usual ones, so that a dead peer is noticed soon. */
const times = ['--heartbeat', '1s', '--idle-timeout', '4s', '--stall-timeout', '10s'];
const where = '10.78.1.10:30001';
/** Milliseconds in which a server lets go of clients that are gone. */
const settlingTime = 20_000;

export async function buildWorld(plan: WorldPlan): Promise<World> {
  const { folder, random } = plan;
  const names = ['server', ...Array.from({ length: plan.clients }, (_, n) => `client${n}`)];
  const lan = await buildLan(
    folder,
    names.map((name) => ({ name, subnets: [1] })),
  );
  const stations: Station[] = [];
  for (const [at, host] of lan.hosts.entries()) {
    stations.push(await makeStation(host, at === 0, at === 0 ? plan.serverDisk : plan.clientDisk));
    slowDown(host, plan.rate);
  }
  const [server, ...clients] = stations;
  if (!server) throw new Error('no server');
  await introduce(server, clients);
  let serving: Server;
  let number = 0;
  /** What the server keeps open while nothing happens. */
  let calm: readonly string[] = [];

  async function startServer(): Promise<void> {
    const words = ['--tcp-port', '30001', '--keep-free', '0', ...times];
    serving = await serve(server!.host, [...words, server!.ledger.root]);
  }

  const settings = (station: Station): string[] => [
    ...['--json', '--keep-free', '0', '--reconnect-timeout', '30s', ...times],
    ...['--client-directory', station.ledger.root],
  ];

  const world: World = {
    random,
    server,
    clients,
    serving: () => serving,
    startServer,
    next: () => (number += 1),
    command: (station, verb, words) =>
      start(station.host, [verb, ...settings(station), where, ...words]),
    async prompt(station) {
      const running = start(station.host, settings(station));
      // What fails loads the parts of the program that a transfer needs, so that no fault hits Node itself.
      const nothing = `${sourceFolder}/nothing`;
      running.input.write(`connect ${where}\n-get ${nothing}\n-put ${nothing}\n`);
      await running.line('connected');
      while (running.told().filter(({ event }) => event === 'failed').length < 2) await delay(5);
      return { ...running, before: running.told().length };
    },
    async clear() {
      for (const { disk, ledger, sources } of stations) {
        for (const name of await readdir(ledger.root)) {
          if (name !== '.lanpost') {
            await rm(join(ledger.root, name), { recursive: true, force: true });
          }
        }
        await rm(sources, { recursive: true, force: true });
        await mkdir(sources);
        ledger.forget();
        // Some file systems give the room back only then.
        disk.sync();
      }
    },
    async leftBehind() {
      let left: string[] = [];
      for (const began = performance.now(); performance.now() - began < settlingTime;) {
        left = await leftNow();
        if (left.length === 0) return [];
        await delay(50);
      }
      return left;
    },
    async [Symbol.asyncDispose]() {
      await serving[Symbol.asyncDispose]();
      for (const { disk } of stations) await disk[Symbol.asyncDispose]();
      await lan[Symbol.asyncDispose]();
    },
  };

  async function leftNow(): Promise<string[]> {
    const left: string[] = [];
    for (const { host, ledger } of stations) {
      const names = await readdir(join(ledger.root, '.lanpost')).catch(() => []);
      const stale = names.filter((name) => !aboutToBeTaken.test(name));
      left.push(...stale.map((name) => `${host.name} keeps ${name}`));
      const pids = processesIn(host.namespace).filter((pid) => pid !== serving.pid);
      left.push(...pids.map((pid) => `process ${pid} runs on ${host.name}`));
    }
    const descriptors = await descriptorsOf(serving.pid);
    if (descriptors.length > calm.length) {
      const known = new Set(calm);
      const added = descriptors.filter((one) => !known.has(one));
      left.push(
        `the server has ${descriptors.length} descriptors, not ${calm.length}: ${added.join(', ')}`,
      );
    }
    return left;
  }

  await startServer();
  // A first client, after which the server has all that it keeps open.
  const first = await world.prompt(clients[0]!);
  first.input.end('bye\n');
  await first.ended;
  await delay(500);
  calm = await descriptorsOf(serving!.pid);
  return world;
}

async function makeStation(host: Host, isServer: boolean, plan: DiskPlan): Promise<Station> {
  const device = await openDevice(host.state);
  const disk = await makeDisk(join(host.folder, 'storage'), plan);
  const root = join(disk.folder, isServer ? 'share' : 'received');
  const sources = join(isServer ? root : host.folder, sourceFolder);
  for (const path of [root, sources]) await mkdir(path, { recursive: true });
  return { host, id: device.id, disk, ledger: openLedger(root), sources };
}

/** As if each client had paired, and were allowed to replace files too. */
async function introduce(server: Station, clients: readonly Station[]): Promise<void> {
  const since = '2024-01-01T00:00:00.000Z';
  const know = async (station: Station, others: readonly Station[]): Promise<void> => {
    const rights = ['read', 'write', 'replace'];
    const peers = others.map(({ id, host }) => ({
      id,
      name: host.name,
      rights,
      how: 'code',
      since,
    }));
    const text = JSON.stringify({ version: 1, peers, pins: [] });
    await writeFile(join(station.host.state, 'peers.json'), text, { mode: 0o600 });
  };
  await know(server, clients);
  for (const client of clients) await know(client, [server]);
}

function slowDown({ namespace }: Host, rate: number): void {
  const shape = `root tbf rate ${rate}mbit burst 256kb latency 100ms`.split(' ');
  execFileSync('tc', ['-n', namespace, 'qdisc', 'add', 'dev', 'e1', ...shape]);
}

/** What a process has open: paths, or a kind and an inode. */
export async function descriptorsOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder);
  return Promise.all(names.map((name) => readlink(join(folder, name)).catch(() => 'gone')));
}

function processesIn(namespace: string): number[] {
  const pids = execFileSync('ip', ['netns', 'pids', namespace], { encoding: 'utf8' });
  return pids.split('\n').filter(Boolean).map(Number);
}

/** Runs a tool beside a program until it is told to stop; resolves once it says these words. */
export async function beside(
  words: readonly string[],
  ready: string,
): Promise<{ stop(): Promise<void> }> {
  const [program = '', ...rest] = words;
  const child = spawn(program, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = once(child, 'close');
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (part: Buffer) => {
      said += part.toString();
      if (said.includes(ready)) resolve();
    });
    void closed.then(() => {
      reject(new Error(`${program} ended: ${said}`));
    });
  });
  return {
    async stop() {
      child.kill('SIGTERM');
      await closed;
    },
  };
}
