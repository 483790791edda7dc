import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, type NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { hostOfProcess } from './process/process.js';
import { runProgram } from './program.js';

/** A demo disturbs nobody: it looks for servers on this machine only. */
const loopback: NetworkInterfaceInfo[] = [
  {
    address: '127.0.0.1',
    netmask: '255.0.0.0',
    family: 'IPv4',
    mac: '00:00:00:00:00:00',
    internal: true,
    cidr: '127.0.0.1/8',
  },
];

const folders = ['state', 'serverDirectory', 'clientDirectory'] as const;

async function playDemo(): Promise<ExitCode> {
  const place = await mkdtemp(join(tmpdir(), 'lanpost-demo-'));
  let server: ChildProcess | undefined;
  try {
    for (const folder of folders) await mkdir(join(place, folder), { mode: 0o700 });
    const samples = await makeSamples(place);
    const udpPort = String(randomInt(49_152, 65_536));
    say('a server starts, in a process of its own: lanpost serve');
    server = startServer(place, udpPort);
    const port = await portOf(server);
    say('the shell starts: lanpost\n');
    const exit = await playShell(place, udpPort, [
      'scan',
      `connect 127.0.0.1 ${port}`,
      'rlist',
      'get welcome.txt',
      'put notes.txt',
      'get "holiday photo.bin"',
      'rlist',
      'get welcome.txt',
      'bye',
    ]);
    if (exit !== exitCodes.done) return exit;
    for (const [sent, arrived] of samples) {
      const [before, after] = await Promise.all([readFile(sent), readFile(arrived)]);
      if (!before.equals(after)) throw new Error(`${arrived} differs from ${sent}`);
    }
    say(`\n${samples.length} files went over, and each is the same, byte for byte`);
    return exitCodes.done;
  } finally {
    await stop(server);
    await rm(place, { recursive: true, force: true });
  }
}

/** Sample files, each with the place where it must arrive. */
async function makeSamples(place: string): Promise<readonly (readonly [string, string])[]> {
  const [server, client] = [join(place, 'serverDirectory'), join(place, 'clientDirectory')];
  await writeFile(join(server, 'welcome.txt'), 'Welcome to lanpost.\n');
  await writeFile(join(server, 'holiday photo.bin'), randomBytes(3_500_000));
  await writeFile(join(client, 'notes.txt'), 'Notes from the client.\n');
  return [
    [join(server, 'welcome.txt'), join(client, 'new_welcome.txt')],
    [join(server, 'holiday photo.bin'), join(client, 'new_holiday photo.bin')],
    [join(client, 'notes.txt'), join(server, 'new_notes.txt')],
  ];
}

/** The user's own settings have no say in a demo, and nobody else is to see it. */
function surroundings(place: string): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('LANPOST_'));
  return { ...Object.fromEntries(own), LANPOST_HOME: join(place, 'state'), LANPOST_MDNS: 'off' };
}

function startServer(place: string, udpPort: string): ChildProcess {
  const words = ['serve', '--json', '--name', 'amber', '--tcp-port', '0', '--udp-port', udpPort];
  return spawn(process.execPath, [join(import.meta.dirname, 'lanpost.js'), ...words], {
    cwd: place,
    env: surroundings(place),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

async function portOf(server: ChildProcess): Promise<number> {
  if (server.stdout) {
    for await (const line of createInterface({ input: server.stdout })) {
      const answer = JSON.parse(line) as { event: string; port?: number };
      if (answer.event === 'serving' && answer.port !== undefined) return answer.port;
    }
  }
  throw new Error('the server of the demo did not start');
}

async function playShell(
  place: string,
  udpPort: string,
  lines: readonly string[],
): Promise<ExitCode> {
  const host = hostOfProcess();
  return runProgram(['--udp-port', udpPort], {
    ...host,
    input: Readable.from(lines.map((line) => `${line}\n`)),
    environment: surroundings(place),
    workingFolder: place,
    interfaces: () => ({ lo: loopback }),
  });
}

async function stop(server: ChildProcess | undefined): Promise<void> {
  if (server?.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, 'exit');
  server.kill('SIGTERM');
  await ended;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Plays the first five minutes by itself: a real server process, the real shell, sample files of its own,
 * in a temporary folder, without touching anything of the user's.
 */
void playDemo().then((code) => {
  process.exitCode = code;
});
