import { writingTo } from '#sharing/errors.js';
import { mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod/mini';

/** What a running server tells the other commands of its owner. */
const runningSchema = z.object({
  pid: z.int().check(z.positive()),
  name: z.string(),
  port: z.int(),
  udpPort: z.int(),
  folder: z.string(),
});

export type Running = Readonly<z.infer<typeof runningSchema>>;

/**
 * Leaves `run/<pid>.json` in the state folder until it is disposed. Throws SharingError `state-unwritable` or
 * `no-room`.
 */
export async function announceRunning(
  stateFolder: string,
  running: Running,
): Promise<AsyncDisposable> {
  const folder = runFolder(stateFolder);
  const place = join(folder, `${running.pid}.json`);
  await writingTo(folder, 'state-unwritable', async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(`${place}.new`, `${JSON.stringify(running)}\n`, { mode: 0o600 });
    await rename(`${place}.new`, place);
  });
  await removeOthersAt(folder, running);
  return {
    async [Symbol.asyncDispose]() {
      await unlink(place).catch(() => undefined);
    },
  };
}

/** The servers of this owner that run now; what a crash left behind is removed. */
export async function readRunning(
  stateFolder: string,
  isAlive: (pid: number) => boolean,
): Promise<readonly Running[]> {
  const folder = runFolder(stateFolder);
  const found: Running[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const place = join(folder, name);
    const pid = Number.parseInt(name, 10);
    if (!isAlive(pid)) await unlink(place).catch(() => undefined);
    else if (name.endsWith('.json')) found.push(...(await readOne(place)));
  }
  return found;
}

/** Only one program has a port: who said so before has crashed, though another may have its process number by now. */
async function removeOthersAt(folder: string, { pid, port }: Running): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const place = join(folder, name);
    const [other] = name.endsWith('.json') ? await readOne(place) : [];
    if (other?.port === port && name !== `${pid}.json`) await unlink(place).catch(() => undefined);
  }
}

async function readOne(place: string): Promise<readonly Running[]> {
  try {
    return [runningSchema.parse(JSON.parse(await readFile(place, 'utf8')))];
  } catch {
    return [];
  }
}

function runFolder(stateFolder: string): string {
  return join(stateFolder, 'run');
}
