import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, vi } from 'vitest';
import type { DiscoveryEvent, DropReason, ScannerEvent } from '#discovery/events.js';
import type { Finding } from '#discovery/scanner.js';
import type { Announcement } from '#discovery/wire/announcement.js';
import { buildScript } from './bundle.js';

/** The rooms of discovery alone, in network namespaces, without the program around them. Needs root. */

let built: Promise<string> | undefined;

/** The script that runs on the machines. */
function script(): Promise<string> {
  return (built ??= buildScript('support/discovery-child.js'));
}

const prefix = `lp${process.pid}`;
const wires = `${prefix}w`;
export const probePort = 30_000;

export interface ScanLine {
  readonly kind: 'scan';
  readonly findings: readonly (Finding & { readonly atMs: number })[];
  readonly end: ScannerEvent;
  /** The most memory that the process has had, in MiB. */
  readonly peakMiB: number;
}

type Line = DiscoveryEvent | { readonly kind: 'ready' };

/** Machines and the switches of their subnets. */
export interface Cables extends AsyncDisposable {
  /** Adds a machine that only has its loopback. */
  add(machine: string): void;
  /** Connects it to a subnet as 10.77.<subnet>.<host>, by its interface e<subnet>. */
  plug(machine: string, subnet: number, host: number): void;
  ip(machine: string, ...commands: readonly string[]): void;
  /** Runs a program there to its end, and gives what it printed. */
  run(machine: string, command: readonly string[], input?: string): string;
  python(machine: string, script: string): string;
  /** Starts one that goes on. */
  start(machine: string, command: readonly string[]): Started;
}

export interface Started {
  /** Resolves when it has printed these words. */
  says(words: string): Promise<void>;
  end(): void;
}

/** The network of a test; `subnets` have a switch each. */
export function layCables(subnets: readonly number[]): Cables {
  const namespaces: string[] = [];
  const remove = (): void => {
    for (const name of namespaces) spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
  };
  process.once('exit', remove);

  function make(namespace: string): void {
    execFileSync('ip', ['netns', 'add', namespace]);
    namespaces.push(namespace);
    // Nobody else is on these links: the system need not look for a second owner of an address for a second or two.
    const file = '/proc/sys/net/ipv6/conf/default/accept_dad';
    execFileSync('ip', inside(namespace, ['sh', '-c', `echo 0 > ${file}`]));
  }

  function run(machine: string, command: readonly string[], input = ''): string {
    const result = spawnSync('ip', inside(placeOf(machine), command), { encoding: 'utf8', input });
    if (result.status !== 0) throw new Error(result.stderr);
    return result.stdout.trim();
  }

  make(wires);
  ip(
    wires,
    subnets.map((subnet) => `link add b${subnet} up type bridge`),
  );
  return {
    add(machine) {
      make(placeOf(machine));
      ip(placeOf(machine), ['link set lo up']);
    },
    plug(machine, subnet, host) {
      const [near, far] = [`e${subnet}`, `${machine}s${subnet}`];
      ip(wires, [
        `link add ${far} type veth peer name ${near} netns ${placeOf(machine)}`,
        `link set ${far} master b${subnet} up`,
      ]);
      ip(placeOf(machine), [
        `addr add 10.77.${subnet}.${host}/24 brd + dev ${near}`,
        `link set ${near} up`,
      ]);
    },
    ip: (machine, ...commands) => {
      ip(placeOf(machine), commands);
    },
    run,
    python: (machine, script) => run(machine, ['python3', '-c', script]),
    start(machine, command) {
      const running = spawn('ip', inside(placeOf(machine), command), {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let text = '';
      running.stdout.on('data', (part: Buffer) => (text += part.toString()));
      return {
        says: (words) =>
          vi.waitFor(() => {
            expect(text).toContain(words);
          }, 15_000),
        end: () => void running.kill('SIGKILL'),
      };
    },
    [Symbol.asyncDispose]() {
      process.off('exit', remove);
      remove();
      return Promise.resolve();
    },
  };
}

/** Responders of one machine while they run. */
export interface Serving extends AsyncDisposable {
  readonly isAlive: () => boolean;
  /** Resolves when a probe was dropped for this reason. */
  drops(reason: DropReason): Promise<void>;
}

/** One responder for each announcement; resolves when they listen. */
export async function startServing(
  machine: string,
  announcements: readonly Announcement[],
): Promise<Serving> {
  return startChild(machine, 'serve', { port: probePort, announcements });
}

/** So many responders as if each were a machine with an address of its own. */
export async function startCrowd(machine: string, count: number): Promise<Serving> {
  return startChild(machine, 'crowd', { port: probePort, count });
}

async function startChild(machine: string, mode: string, options: object): Promise<Serving> {
  const command = [process.execPath, await script(), mode, JSON.stringify(options)];
  const running = spawn('ip', inside(placeOf(machine), command), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: Line[] = [];
  await new Promise<void>((ready, failed) => {
    running.once('exit', failed);
    createInterface({ input: running.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as Line;
      lines.push(line);
      if (line.kind === 'ready') ready();
    });
  });
  return {
    isAlive: () => running.exitCode === null && running.signalCode === null,
    drops: (reason) =>
      vi.waitFor(
        () => {
          const drops = lines.filter((line) => line.kind === 'probes-dropped');
          expect(drops.map((line) => line.reason)).toContain(reason);
        },
        { timeout: 15_000 },
      ),
    async [Symbol.asyncDispose]() {
      if (running.exitCode !== null || running.signalCode !== null) return;
      const exit = once(running, 'exit');
      running.stdin.end();
      const hurry = setTimeout(() => running.kill('SIGKILL'), 3000);
      await exit;
      clearTimeout(hurry);
    },
  };
}

export interface ScansOptions {
  readonly times: number;
  readonly timeoutMs?: number;
  /** Told of each finding while the scan goes on. */
  readonly onFinding?: (id: string | null) => void;
}

/** Scans one after the other, in a process of their own. */
export async function scans(
  machine: string,
  { times, timeoutMs = 1500, onFinding }: ScansOptions,
): Promise<ScanLine[]> {
  const options = JSON.stringify({ port: probePort, timeoutMs, times });
  const command = inside(placeOf(machine), [process.execPath, await script(), 'scan', options]);
  const running = spawn('ip', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: ScanLine[] = [];
  for await (const text of createInterface({ input: running.stdout })) {
    const line = JSON.parse(text) as ScanLine | { readonly kind: 'found'; readonly id: string };
    if (line.kind === 'scan') lines.push(line);
    else onFinding?.(line.id);
  }
  return lines;
}

/** The ids of the rows of a scan, in the order in which they came. */
export function idsOf({ findings }: ScanLine): (string | null)[] {
  return findings.filter(({ kind }) => kind === 'server').map(({ server }) => server.id);
}

/** The median and the most of some times. */
export function figures(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? 0;
  return `median ${median.toFixed(1)} ms, at most ${(sorted.at(-1) ?? 0).toFixed(1)} ms`;
}

function placeOf(machine: string): string {
  return `${prefix}${machine}`;
}

function inside(namespace: string, command: readonly string[]): string[] {
  return ['netns', 'exec', namespace, ...command];
}

function ip(namespace: string, commands: readonly string[]): void {
  const input = commands.join('\n');
  execFileSync('ip', ['-n', namespace, '-batch', '-'], {
    input,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}
