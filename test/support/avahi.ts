import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { vi } from 'vitest';

/** One service as avahi resolved it. */
export interface Resolved {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** The strings of TXT, `key=value`. */
  readonly facts: readonly string[];
}

/** A real avahi-daemon with a message bus of its own, in a network namespace. */
export interface Avahi extends AsyncDisposable {
  /** All that it can resolve of this type now. */
  browse(type: string): readonly Resolved[];
  /** Announces a service until the answer is disposed. */
  publish(name: string, type: string, port: number, facts: readonly string[]): AsyncDisposable;
}

/** Starts it and waits until it is up. Its files are kept from those of the machine: nothing is seen there. */
export async function startAvahi(namespace: string, folder: string): Promise<Avahi> {
  await mkdir(folder, { recursive: true });
  const bus = `unix:path=${join(folder, 'bus')}`;
  const busFile = join(folder, 'bus.conf');
  const file = join(folder, 'avahi.conf');
  await writeFile(busFile, busSettings(bus));
  await writeFile(file, settings(namespace));
  const env = { ...process.env, DBUS_SYSTEM_BUS_ADDRESS: bus, LC_ALL: 'C.UTF-8' };
  const inside = ['netns', 'exec', namespace];
  const run = (...words: string[]): Child => watched(spawn('ip', [...inside, ...words], { env }));

  const dbus = run(
    'dbus-daemon',
    `--config-file=${busFile}`,
    '--nofork',
    '--nopidfile',
    '--print-address',
  );
  await dbus.says('unix:');
  const daemon = `mount -t tmpfs tmpfs /run && exec avahi-daemon -f ${file} --no-drop-root --no-chroot --no-rlimits`;
  const avahi = run('unshare', '-m', 'sh', '-c', daemon);
  try {
    await avahi.says('Server startup complete');
  } catch (error) {
    await avahi[Symbol.asyncDispose]();
    await dbus[Symbol.asyncDispose]();
    throw error;
  }

  return {
    browse(type) {
      const words = [...inside, 'avahi-browse', '-rtp', type];
      const { stdout, stderr, status } = spawnSync('ip', words, { env, encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      return stdout.split('\n').flatMap(readLine);
    },
    publish(name, type, port, facts) {
      return run('avahi-publish', '-s', name, type, String(port), ...facts);
    },
    async [Symbol.asyncDispose]() {
      await avahi[Symbol.asyncDispose]();
      await dbus[Symbol.asyncDispose]();
    },
  };
}

/** `=;e0;IPv4;name;type;domain;host;address;port;"txt" "txt"`, with bytes of names as `\\ddd`. */
function readLine(line: string): Resolved[] {
  const [sign, , family, name = '', , , , address = '', port, ...txt] = line.split(';');
  if (sign !== '=' || family !== 'IPv4') return [];
  const facts = [...txt.join(';').matchAll(/"([^"]*)"/g)].map(([, fact = '']) => fact);
  return [{ name: unescaped(name), address, port: Number(port), facts }];
}

function unescaped(name: string): string {
  const latin1 = name.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number(code)));
  return Buffer.from(latin1.replace(/\\(.)/g, '$1'), 'latin1').toString('utf8');
}

/** Of two hosts with one name, one would have to look for another. */
function settings(hostName: string): string {
  return `[server]
host-name=${hostName}
use-ipv4=yes
use-ipv6=no
[publish]
publish-workstation=no
`;
}

function busSettings(address: string): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>${address}</listen>
  <policy context="default">
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
`;
}

interface Child extends AsyncDisposable {
  says(words: string): Promise<void>;
}

function watched(child: ChildProcess): Child {
  let said = '';
  const ended = once(child, 'close');
  const kill = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', kill);
  for (const output of [child.stdout, child.stderr]) {
    output?.on('data', (text: Buffer) => {
      said += text.toString('utf8');
    });
  }
  return {
    async says(words) {
      await vi.waitFor(
        () => {
          if (!said.includes(words)) throw new Error(`not said yet: ${words}; only: ${said}`);
        },
        { timeout: 20_000 },
      );
    },
    async [Symbol.asyncDispose]() {
      process.off('exit', kill);
      child.kill('SIGTERM');
      const hurry = setTimeout(kill, 3000);
      await ended;
      clearTimeout(hurry);
    },
  };
}
