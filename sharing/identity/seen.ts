import { statePlaces, writePrivate } from '#sharing/identity/state.js';
import { lock } from '#sharing/storage/lock.js';
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod/mini';

/** Where a device was reached last; a hint for finding it again, never a reason to trust it. */
const seenSchema = z.object({
  id: z.string(),
  name: z.string(),
  host: z.string(),
  port: z.int().check(z.gte(1), z.lte(65535)),
  /** Where it was found besides; not reached, so nobody knows whether it is there. */
  others: z._default(z.array(z.string()).check(z.maxLength(3)), []),
});

export type Seen = Readonly<z.infer<typeof seenSchema>>;

/** Servers that are remembered, at most; the newest first. */
const maxSeen = 64;

/** The servers that were reached before; a missing or damaged list is an empty one. */
export async function readSeen(stateFolder: string): Promise<readonly Seen[]> {
  try {
    const text = await readFile(statePlaces(stateFolder).seen, 'utf8');
    return z.array(seenSchema).parse(JSON.parse(text)).slice(0, maxSeen);
  } catch {
    return [];
  }
}

/** Remembers where a server was reached. Failing to is no failure. */
export async function noteSeen(stateFolder: string, seen: Seen): Promise<void> {
  // Mostly it is the same as last time, and a disk takes long to make sure of what it has already.
  const [last] = await readSeen(stateFolder);
  if (!isDeepStrictEqual(last, seen)) await putFirst(stateFolder, seen).catch(() => undefined);
}

/** Reads, changes and replaces the list while no other session does. */
async function putFirst(stateFolder: string, seen: Seen): Promise<void> {
  const place = statePlaces(stateFolder).seen;
  await using _lock = await lock(`${place}.lock`);
  const others = (await readSeen(stateFolder)).filter(({ id }) => id !== seen.id);
  await writePrivate(place, `${JSON.stringify([seen, ...others].slice(0, maxSeen))}\n`);
}
