import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../support/ports.js';
import { listens, locate, startDaemon, type Command, type Daemon } from '../programs.js';
import type { World } from '../world.js';

/** A running rsync daemon that serves the folder of sources. */
export interface Rsync extends Daemon {
  get(name: string, to: string): Command;
}

/** Throws Unavailable when it cannot be had. */
export async function startRsync({ tools, source }: World): Promise<Rsync> {
  const rsync = locate('rsync');
  const port = await freePort('tcp');
  const settings = join(tools, 'rsyncd.conf');
  const user = process.getuid?.() === 0 ? 'uid = root\ngid = root\n' : '';
  await writeFile(settings, `${user}use chroot = no\n[source]\npath = ${source}\n`);
  const place = [`--config=${settings}`, '--address=127.0.0.1', `--port=${port}`];
  const words = [rsync, '--daemon', '--no-detach', ...place];
  const daemon = await startDaemon({ words }, join(tools, 'rsyncd.log'), () => listens(port));
  return {
    ...daemon,
    get: (name, to) => ({
      words: [rsync, '-a', '--whole-file', `rsync://127.0.0.1:${port}/source/${name}`, to],
    }),
  };
}
