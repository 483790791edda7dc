import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { mustBeLine } from './json-events.js';
import { freePort } from './ports.js';

/** The built program. */
export const main = join(import.meta.dirname, '../../dist/lanpost.js');

/** Where a program runs: a folder of its own with its state, and a network namespace if it has one. */
export interface Place {
  readonly folder: string;
  readonly state: string;
  readonly namespace?: string;
  /** Where servers there are looked for; the usual port in a network namespace. */
  readonly udpPort?: number;
  /** What is run there in place of the program that was built. */
  readonly program?: readonly string[];
  /** Most files and sockets that the program may open. */
  readonly descriptors?: number;
  /** A program with its words that runs it, such as one that traces it. */
  readonly through?: readonly string[];
}

/** One line of `--json`. */
export type Line = Readonly<Record<string, unknown>> & { readonly event: string };

/** How a run ended; its lines are there when it was run with `--json`. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly lines: readonly Line[];
}

/** The built program while it runs; killed when it is disposed. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  readonly input: Writable;
  readonly ended: Promise<Ended>;
  /** The lines of `--json` so far. */
  readonly told: () => readonly Line[];
  /** What was said on standard error so far. */
  readonly said: () => string;
  /** The first line of `--json` with this event. Rejects when the program ends without it. */
  line(event: string): Promise<Line>;
  /** Resolves once these words are on either output. Rejects when the program ends without them. */
  says(words: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export interface Server extends Running {
  readonly id: string;
  readonly port: number;
}

/** Makes the folder of a place; its state folder is left to the program. */
export async function makePlace(folder: string, namespace?: string): Promise<Place> {
  await mkdir(folder, { recursive: true });
  const network = namespace === undefined ? { udpPort: await freePort('udp') } : { namespace };
  return { folder, state: join(folder, 'state'), ...network };
}

/** Starts the built program there; its standard input stays open until it is ended. */
export function start(place: Place, words: readonly string[]): Running {
  const [program = '', ...rest] = [
    ...wrapping(place),
    ...(place.program ?? [process.execPath, main]),
    ...words,
  ];
  const child = spawn(program, rest, {
    cwd: place.folder,
    env: surroundings(place),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  alive.add(child);
  // A program that ends early leaves its input unread.
  child.stdin.on('error', () => undefined);
  const output = collect(child.stdout);
  const error = collect(child.stderr);
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    alive.delete(child);
    return {
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: output.text(),
      stderr: error.text(),
      lines: linesOf(output.text()),
    };
  });
  const kill = (signal: NodeJS.Signals): void => {
    child.kill(signal);
  };
  return {
    pid: child.pid ?? 0,
    input: child.stdin,
    ended,
    told: () => linesOf(output.text()),
    said: () => error.text(),
    line: (event) =>
      seen(child, ended, () => linesOf(output.text()).find((line) => line.event === event)),
    async says(words) {
      await seen(
        child,
        ended,
        () => `${output.text()}${error.text()}`.includes(words) || undefined,
      );
    },
    kill,
    async [Symbol.asyncDispose]() {
      kill('SIGKILL');
      await ended;
    },
  };
}

/** What the program is started through. */
function wrapping({ namespace, descriptors, through = [] }: Place): string[] {
  return [
    ...(namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]),
    ...(descriptors === undefined ? [] : ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh']),
    ...through,
  ];
}

/** Runs the built program to its end, `input` being all of its standard input. */
export async function run(place: Place, words: readonly string[], input = ''): Promise<Ended> {
  const running = start(place, words);
  running.input.end(input);
  return running.ended;
}

/** Starts a server there and waits until it serves. */
export async function serve(place: Place, words: readonly string[]): Promise<Server> {
  const running = start(place, ['serve', '--json', ...words]);
  const { id, port } = await running.line('serving');
  return { ...running, id: String(id), port: Number(port) };
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const alive = new Set<Child>();
process.once('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});

/** The environment of a program there. */
export function surroundings({ state, namespace, udpPort }: Place): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('LANPOST_'));
  // On this machine's own network tests would see one another, and be seen.
  const quiet = namespace === undefined ? { LANPOST_MDNS: 'off' } : {};
  const apart = udpPort === undefined ? {} : { LANPOST_UDP_PORT: String(udpPort) };
  return { ...Object.fromEntries(own), LANPOST_HOME: state, ...quiet, ...apart };
}

interface Collected {
  text(): string;
}

function collect(stream: Readable): Collected {
  const parts: Buffer[] = [];
  stream.on('data', (part: Buffer) => parts.push(part));
  return { text: () => Buffer.concat(parts).toString('utf8') };
}

/** Only whole lines that are JSON; without `--json` there are none. */
function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => {
      const read = JSON.parse(line) as Line;
      mustBeLine(read);
      return read;
    });
}

/** What `find` finds in the outputs, as soon as it is there. */
async function seen<T>(
  { stdout, stderr }: Child,
  ended: Promise<Ended>,
  find: () => T | undefined,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const look = (): void => {
      const found = find();
      if (found !== undefined) resolve(found);
    };
    stdout.on('data', look);
    stderr.on('data', look);
    look();
    void ended.then(({ code, stdout: answers, stderr: remarks }) => {
      reject(new Error(`ended with ${code} too early: ${answers}${remarks}`));
    });
  });
}
