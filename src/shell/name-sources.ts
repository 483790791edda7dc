import type { ClientSession } from '#sharing/client.js';
import { readKnownPeers } from '#sharing/device.js';
import type { Context } from '#src/context.js';
import { opendir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Name, Names, Sources } from './candidates.js';

/** Sources that remember for a while what the server has listed. */
export interface NameSources extends Sources {
  forget(): void;
}

/** Names of one folder that are looked at, and folders that are remembered, at most. */
const maxNames = 10_000;
const maxFolders = 8;
/** Milliseconds that a list is remembered, may take, and is waited for: a slow one is there at the next Tab. */
const keptTime = 5000;
const listTime = 10_000;
const patience = 800;

const none: Names = { names: [], cut: false };

/** What this machine and the open session know; nothing is said when something fails. */
export function nameSources({
  memory,
  stateFolder,
  workingFolder,
  settings,
}: Pick<Context, 'memory' | 'stateFolder' | 'workingFolder' | 'settings'>): NameSources {
  let listed = new Map<string, { readonly at: number; readonly names: Promise<Names> }>();
  let asked: ClientSession | undefined;

  function listOnce(session: ClientSession, folder: string): Promise<Names> {
    const known = listed.get(folder);
    const now = performance.now();
    if (session === asked && known && now - known.at < keptTime) return known.names;
    if (session !== asked || listed.size >= maxFolders) listed = new Map();
    asked = session;
    const names = namesOf(session, folder);
    const mine = listed.set(folder, { at: now, names });
    names.catch(() => mine.delete(folder));
    return names;
  }

  return {
    forget() {
      listed = new Map();
    },
    async servers() {
      const { peers } = await readKnownPeers(stateFolder).catch(() => ({ peers: [] }));
      return [...new Set([...peers, ...memory.scanned].map(({ name }) => name))];
    },
    local(folder, inLocalFolder) {
      const base = inLocalFolder ? resolve(workingFolder, settings.clientDirectory) : workingFolder;
      return inTime(namesIn(resolve(base, folder)));
    },
    remote(folder) {
      const { session } = memory;
      return session ? inTime(listOnce(session, folder)) : Promise.resolve(none);
    },
  };
}

/** Whoever types is not kept waiting. */
async function inTime(work: Promise<Names>): Promise<Names> {
  return Promise.race([work.catch(() => none), delay(patience, none, { ref: false })]);
}

async function namesOf(session: ClientSession, folder: string): Promise<Names> {
  const names: Name[] = [];
  for await (const page of session.list(folder, AbortSignal.timeout(listTime))) {
    for (const { name, type } of page.entries) names.push({ name, isFolder: type === 'folder' });
    if (names.length >= maxNames) return { names, cut: true };
  }
  return { names, cut: false };
}

/** Links and devices are never sent, so they are not offered. */
async function namesIn(folder: string): Promise<Names> {
  const names: Name[] = [];
  for await (const entry of await opendir(folder)) {
    const isFolder = entry.isDirectory();
    if (isFolder || entry.isFile()) names.push({ name: entry.name, isFolder });
    if (names.length >= maxNames) return { names, cut: true };
  }
  return { names, cut: false };
}
