import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir, type NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import type { InterfaceTable } from '#discovery/addresses.js';
import type { ExitCode } from '#src/exit-codes.js';
import type { Host } from '#src/process/host.js';
import { runProgram } from '#src/program.js';
import type { System } from '#src/process/system.js';
import { freePort } from './ports.js';

/** One line that the program wrote, without its line feed. */
export interface Line {
  readonly stream: 'out' | 'err';
  readonly text: string;
}

/** How one run of the program ended. */
export interface Outcome {
  readonly exit: ExitCode;
  /** Both streams, in the order of a terminal. */
  readonly lines: readonly Line[];
}

export interface RunOptions {
  /** Lines of standard input, which is no terminal. */
  readonly input?: readonly string[];
  /** Ctrl-C is pressed when this text has been written. */
  readonly interruptAfter?: string;
}

/** A server that runs in this process, until it is stopped. */
export interface RunningServer {
  readonly port: number;
  readonly id: string;
  stop(): Promise<Outcome>;
}

/** A machine of its own for the program: a temporary folder and the loopback interface. */
export interface Machine extends AsyncDisposable {
  /** The working folder, empty at first; without links on the way to it. */
  readonly folder: string;
  readonly udpPort: number;
  /** What later runs see; a test may change it. */
  readonly environment: Record<string, string | undefined>;
  interfaces: InterfaceTable;
  run(words: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Runs `serve` until it says that it is serving. Throws when it ends before. */
  serve(words: readonly string[]): Promise<RunningServer>;
}

/** No other machine hears anything of a test. */
export const loopbackOnly: InterfaceTable = {
  lo: [
    {
      address: '127.0.0.1',
      netmask: '255.0.0.0',
      family: 'IPv4',
      mac: '00:00:00:00:00:00',
      internal: true,
      cidr: '127.0.0.1/8',
    } satisfies NetworkInterfaceInfo,
  ],
};

/** A system that tells nothing, so that no transcript depends on where it is played. */
const silentSystem: System = {
  platform: 'linux',
  release: '6.0.0',
  isRoot: false,
  sudoUser: null,
  readText: () => Promise.resolve(null),
  list: () => Promise.resolve([]),
  linkOf: () => Promise.resolve(null),
  run: () => Promise.resolve(null),
};

const firstPid = 1001;

export async function openMachine(): Promise<Machine> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'lanpost-test-')));
  const udpPort = await freePort('udp');
  const running = new Map<number, () => Promise<Outcome>>();
  let nextPid = firstPid;

  const machine: Machine = {
    folder,
    udpPort,
    environment: { LANPOST_HOME: join(folder, 'state'), LANPOST_UDP_PORT: String(udpPort) },
    interfaces: loopbackOnly,
    run: (words, options) => start(words, options).ended,

    async serve(words) {
      const { pid, interrupt, ended, seen } = start(['serve', ...words]);
      const stop = async (): Promise<Outcome> => {
        interrupt();
        const outcome = await ended;
        running.delete(pid);
        return outcome;
      };
      running.set(pid, stop);
      const serving = await Promise.race([seen(servingIn), ended]);
      if ('port' in serving) return { ...serving, stop };
      running.delete(pid);
      throw new Error(`serve ended with ${serving.exit}:\n${textOf(serving.lines)}`);
    },

    async [Symbol.asyncDispose]() {
      for (const stop of running.values()) await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };

  function start(words: readonly string[], { input = [], interruptAfter }: RunOptions = {}) {
    const pid = nextPid;
    nextPid += 1;
    const screen = captureScreen();
    const interrupts = new Set<() => void>();
    const interrupt = (): void => {
      for (const handler of interrupts) handler();
    };
    const host: Host = {
      input: Readable.from(input.map((line) => `${line}\n`)),
      output: screen.output,
      error: screen.error,
      environment: { ...machine.environment },
      platform: process.platform,
      home: join(folder, 'home'),
      user: process.getuid?.(),
      workingFolder: folder,
      temporaryFolder: folder,
      hostName: 'amber',
      interfaces: () => machine.interfaces,
      system: silentSystem,
      pid,
      program: ['/usr/bin/node', '/opt/lanpost/lanpost.js'],
      version: () => '1.2.3',
      isAlive: (one) => running.has(one),
      onInterrupt(handler) {
        interrupts.add(handler);
        return () => interrupts.delete(handler);
      },
    };
    if (interruptAfter !== undefined) {
      const hasIt = (lines: readonly Line[]) => textOf(lines).includes(interruptAfter) || undefined;
      void screen.seen(hasIt).then(interrupt);
    }
    const ended = runProgram(words, host).then((exit) => ({ exit, lines: screen.lines() }));
    return { pid, interrupt, ended, seen: screen.seen };
  }

  return machine;
}

export function textOf(lines: readonly Line[]): string {
  return lines.map(({ text }) => text).join('\n');
}

type Look<T> = (lines: readonly Line[]) => T | undefined;

interface Screen {
  readonly output: Writable;
  readonly error: Writable;
  lines(): readonly Line[];
  /** Resolves with what `look` finds, as soon as it does. */
  readonly seen: <T>(look: Look<T>) => Promise<T>;
}

function captureScreen(): Screen {
  const writes: { readonly stream: Line['stream']; readonly text: string }[] = [];
  const looking = new Set<() => void>();

  function capture(stream: Line['stream']): Writable {
    return new Writable({
      write(chunk: Buffer, _encoding, done) {
        writes.push({ stream, text: chunk.toString() });
        for (const look of looking) look();
        done();
      },
    });
  }

  function lines(): readonly Line[] {
    return writes.flatMap(({ stream, text }) =>
      text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => ({ stream, text: line })),
    );
  }

  return {
    output: capture('out'),
    error: capture('err'),
    lines,
    seen: (look) =>
      new Promise((resolve) => {
        const again = (): void => {
          const found = look(lines());
          if (found === undefined) return;
          looking.delete(again);
          resolve(found);
        };
        looking.add(again);
        again();
      }),
  };
}

/** Port and id from what a server says of itself, in JSON or for people. */
function servingIn(lines: readonly Line[]): { port: number; id: string } | undefined {
  const out = lines.filter(({ stream }) => stream === 'out').map(({ text }) => text);
  const json = out.find((line) => line.includes('"event":"serving"'));
  if (json !== undefined) {
    const { port, id } = JSON.parse(json) as { port: number; id: string };
    return { port, id };
  }
  const [port, id] = ['port', 'id'].map(
    (word) => new RegExp(`^  ${word} +(\\S+)$`, 'm').exec(out.join('\n'))?.[1],
  );
  return port === undefined || id === undefined
    ? undefined
    : { port: Number(port), id: id.replaceAll('-', '') };
}
