import { timeWithoutProcessor } from '#sharing/storage/thread-time.js';
import type { SharingEvent } from '#sharing/events.js';
import { openSession, type ClientLimits, type ClientSession } from '#sharing/client.js';
import { openDevice, type Device } from '#sharing/identity/device.js';
import {
  startServer,
  type ServerLimits,
  type ServerOptions,
  type ShownCode,
} from '#sharing/server.js';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import { getOne, putOne } from './one-file.js';
import { listedNames } from './listed.js';

const serverLimits: ServerLimits = {
  maxClients: 64,
  maxClientsPerAddress: 64,
  maxTransfersPerClient: 4,
  maxFileSize: 2 ** 30,
  keepFree: 0,
  quota: 2 ** 40,
  heartbeat: 2000,
  idleTimeout: 10_000,
  stallTimeout: 10_000,
  maxStrangers: 64,
  perAddress: { burst: 10_000, perSecond: 10_000 },
  inAll: { burst: 10_000, perSecond: 10_000 },
  messages: { burst: 1e6, perSecond: 1e6 },
  firstByteTime: 5000,
  handshakeTime: 5000,
  helloTime: 5000,
  pairingTime: 5000,
};

export const clientLimits: ClientLimits = {
  connectTimeout: 5000,
  helloTime: 5000,
  heartbeat: 2000,
  idleTimeout: 10_000,
  stallTimeout: 10_000,
  maxFileSize: 2 ** 30,
  keepFree: 0,
};

/** The parties of a test, each with its own key and state folder. */
export interface Parties extends AsyncDisposable {
  readonly base: string;
  /** The server's own key, which comes in as the owner. */
  readonly owner: Device;
  /** Known to the owner, may read and write. */
  readonly peer: Device;
  readonly stranger: Device;
  /** One more that nobody knows yet. */
  newcomer(): Promise<Device>;
}

export async function openParties(): Promise<Parties> {
  const base = await mkdtemp(join(tmpdir(), 'lanpost-hostile-'));
  const device = (name: string): Promise<Device> => openDevice(join(base, 'states', name));
  const owner = await device('owner');
  const peer = await device('peer');
  const stranger = await device('stranger');
  await befriend(owner, peer);
  let newcomers = 0;
  return {
    base,
    owner,
    peer,
    stranger,
    newcomer() {
      newcomers += 1;
      return device(`newcomer-${newcomers}`);
    },
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  };
}

/** Makes `peer` known to `device`, as pairing would. */
export async function befriend(device: Device, peer: Device): Promise<void> {
  const since = '2024-01-01T00:00:00.000Z';
  const rights = ['read', 'write'];
  const peers = [{ id: peer.id, name: 'peer', rights, how: 'code', since }];
  const text = JSON.stringify({ version: 1, peers, pins: [] });
  await writeFile(join(device.stateFolder, 'peers.json'), text, { mode: 0o600 });
}

/** A real server over a temporary share, with files outside of it that nobody may touch. */
export interface ServedShare extends AsyncDisposable {
  readonly port: number;
  readonly parties: Parties;
  /** The shared folder. */
  readonly folder: string;
  /** Beside the share; holds `canary.txt`. */
  readonly outside: string;
  /** Where honest clients put what they get. */
  readonly received: string;
  readonly events: readonly SharingEvent[];
  readonly newCode: (uses: number) => ShownCode;
  readonly windDown: () => Promise<void>;
}

const plainText = 'the quick brown fox\n'.repeat(100);
const canaryText = 'CANARY: never to be read or changed\n';

export async function serveShare(
  parties: Parties,
  limits: Partial<ServerLimits> = {},
  options: Partial<ServerOptions> = {},
): Promise<ServedShare> {
  const root = await mkdtemp(join(parties.base, 'share-'));
  const at = (name: string): string => join(root, name);
  for (const name of ['shared', 'outside', 'received']) await mkdir(at(name));
  await writeFile(join(at('outside'), 'canary.txt'), canaryText);
  await writeFile(join(at('shared'), 'plain.txt'), plainText);
  await writeFile(at('note.txt'), 'a note\n');
  const events: SharingEvent[] = [];
  const server = await startServer({
    device: parties.owner,
    folder: at('shared'),
    name: 'served',
    ports: [0],
    open: 'no',
    mode: 'share',
    receivedPrefix: 'new_',
    pairRights: ['read', 'write'],
    limits: { ...serverLimits, ...limits },
    isOwnAddress: () => true,
    isNearby: () => true,
    observe: (event) => events.push(event),
    now: () => Date.now(),
    ...options,
  });
  return {
    port: server.port,
    newCode: (uses) => server.newCode(uses),
    windDown: () => server.windDown(),
    parties,
    folder: at('shared'),
    outside: at('outside'),
    received: at('received'),
    events,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

export function openHonest(
  device: Device,
  port: number,
  limits: Partial<ClientLimits> = {},
): Promise<ClientSession> {
  return openSession({
    device,
    name: 'honest',
    hosts: ['127.0.0.1'],
    port,
    limits: { ...clientLimits, ...limits },
    now: () => Date.now(),
  });
}

/** An honest client lists, gets and puts; each must work whatever was done to the server before. */
export async function expectServed({
  port,
  parties,
  received,
  folder,
}: ServedShare): Promise<void> {
  await using session = await openHonest(parties.owner, port);
  expect(await listedNames(session)).toContain('plain.txt');
  await rm(join(received, 'new_plain.txt'), { force: true });
  const got = await getOne(session, 'plain.txt', { folder: received, receivedPrefix: 'new_' });
  expect(await readFile(join(received, got.as), 'utf8')).toBe(plainText);
  const put = await putOne(session, join(received, '..', 'note.txt'));
  expect(await readFile(join(folder, put.as), 'utf8')).toBe('a note\n');
  await session.bye();
}

/** Milliseconds that a server gets to let go of what an attacker held. */
const settlingTime = 15_000;
/** Timers that the test runner may start for itself in the meantime. */
const runnerTimers = 2;

/** What this process holds: descriptors, and what keeps its loop alive. */
export interface Holdings {
  readonly descriptors: number;
  readonly sockets: number;
  readonly timers: number;
  /** Names in the landing area of the share. */
  readonly partials: readonly string[];
}

export function holdings({ folder }: ServedShare): Holdings {
  // What it keeps open to look at, it keeps as long as the thread lives.
  timeWithoutProcessor();
  const active = process.getActiveResourcesInfo();
  const count = (pattern: RegExp): number => active.filter((name) => pattern.test(name)).length;
  return {
    descriptors: process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0,
    sockets: count(/TCP|TLS/),
    timers: count(/Timeout/),
    partials: partialsIn(folder),
  };
}

/** The names in the landing area of `folder`, sorted. */
export function partialsIn(folder: string): readonly string[] {
  const place = join(folder, '.lanpost');
  return existsSync(place) ? readdirSync(place).sort() : [];
}

/** Waits until no more is held than before: descriptors, sockets, timers, partials. */
async function expectSettled(served: ServedShare, before: Holdings): Promise<void> {
  const deadline = Date.now() + settlingTime;
  for (;;) {
    const now = holdings(served);
    const fresh = now.partials.filter((name) => !before.partials.includes(name));
    const settled =
      now.descriptors <= before.descriptors &&
      now.sockets <= before.sockets &&
      now.timers <= before.timers + runnerTimers &&
      fresh.length === 0;
    if (settled) return;
    if (Date.now() > deadline) {
      expect(now, 'what is still held').toEqual(before);
      return;
    }
    await delay(20);
  }
}

/** All that must hold after every attack. */
export async function expectUnharmed(served: ServedShare, before: Holdings): Promise<void> {
  await expectServed(served);
  await expectOutsideUntouched(served);
  await expectSettled(served, before);
  expect(served.events.filter(({ event }) => event === 'fault')).toEqual([]);
}

export async function expectOutsideUntouched({ outside }: ServedShare): Promise<void> {
  expect(await readdir(outside)).toEqual(['canary.txt']);
  expect(await readFile(join(outside, 'canary.txt'), 'utf8')).toBe(canaryText);
  const root = await readdir(join(outside, '..'));
  expect(root.sort()).toEqual(['note.txt', 'outside', 'received', 'shared']);
  expect((await stat(outside)).isDirectory()).toBe(true);
}

/** Waits for something that must become true. */
export async function eventually(what: string, test: () => boolean, time = 15_000): Promise<void> {
  const deadline = Date.now() + time;
  while (!test()) {
    if (Date.now() > deadline) throw new Error(`it did not happen: ${what}`);
    await delay(10);
  }
}
