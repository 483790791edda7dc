import { copyFile, mkdir, stat, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../support/ports.js';
import {
  listens,
  locate,
  startDaemon,
  timed,
  Unavailable,
  type Command,
  type Daemon,
} from '../programs.js';
import type { World } from '../world.js';

/** A running sshd that lets this user in by a key made for it, and the clients that use it. */
export interface Ssh extends Daemon {
  /** `cipher`: another than the default. */
  scp(from: string, to: string, cipher?: string): Command;
  rsync(from: string, to: string): Command;
  /** Runs a file of commands. */
  sftp(batch: string): Command;
  /** A path as seen through ssh. */
  far(path: string): string;
}

/** Throws Unavailable when it cannot be had. */
export async function startSsh({ tools }: World): Promise<Ssh> {
  const folder = join(tools, 'ssh');
  await mkdir(folder, { mode: 0o700 });
  const programs = { sshd: locate('sshd'), scp: locate('scp'), sftp: locate('sftp') };
  const port = await freePort('tcp');
  for (const name of ['host', 'user']) {
    const key = join(folder, name);
    await timed({ words: [locate('ssh-keygen'), '-q', '-t', 'ed25519', '-N', '', '-f', key] });
  }
  await copyFile(join(folder, 'user.pub'), join(folder, 'authorized'));
  const settings = join(folder, 'sshd_config');
  await writeFile(settings, await serverSettings(folder, port));
  await mkdir('/run/sshd', { mode: 0o755 }).catch(() => undefined);
  const client = join(folder, 'config');
  await writeFile(client, clientSettings(folder, port));
  const words = [programs.sshd, '-D', '-e', '-f', settings];
  const daemon = await startDaemon({ words }, join(folder, 'log'), () => listens(port));
  try {
    await timed({ words: [locate('ssh'), '-F', client, 'bench', 'true'] });
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw new Unavailable(`sshd lets nobody in: ${error instanceof Error ? error.message : ''}`);
  }
  return {
    ...daemon,
    scp: (from, to, cipher) => ({
      words: [programs.scp, '-F', client, '-q', '-r', ...ciphered(cipher), from, to],
    }),
    rsync: (from, to) => ({
      words: [locate('rsync'), '-a', '-e', `${locate('ssh')} -F ${client}`, from, to],
    }),
    sftp: (batch) => ({ words: [programs.sftp, '-F', client, '-q', '-b', batch, 'bench'] }),
    far: (path) => `bench:${path}`,
  };
}

function ciphered(cipher: string | undefined): string[] {
  return cipher === undefined ? [] : ['-c', cipher];
}

async function serverSettings(folder: string, port: number): Promise<string> {
  const usual = '/usr/lib/openssh/sftp-server';
  const there = await stat(usual).catch(() => undefined);
  return lines({
    ListenAddress: '127.0.0.1',
    Port: String(port),
    HostKey: join(folder, 'host'),
    AuthorizedKeysFile: join(folder, 'authorized'),
    PidFile: join(folder, 'pid'),
    StrictModes: 'no',
    UsePAM: 'no',
    PermitRootLogin: 'yes',
    PasswordAuthentication: 'no',
    Subsystem: `sftp ${there ? usual : 'internal-sftp'}`,
  });
}

function clientSettings(folder: string, port: number): string {
  return lines({
    Host: 'bench',
    HostName: '127.0.0.1',
    Port: String(port),
    User: userInfo().username,
    IdentityFile: join(folder, 'user'),
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    UserKnownHostsFile: join(folder, 'known'),
    StrictHostKeyChecking: 'accept-new',
    BatchMode: 'yes',
    LogLevel: 'ERROR',
  });
}

function lines(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} ${value}\n`)
    .join('');
}
