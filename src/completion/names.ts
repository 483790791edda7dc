import { readKnownPeers, readSeen } from '#sharing/device.js';
import { dangerous } from '#src/view/quote.js';

/**
 * The servers that this machine has had to do with, as they can be typed: known peers, servers that were reached, places of
 * open ones. Read from the state folder alone, so it is there at once. A name is what somebody else chose: one that
 * could be taken for an option, or that a line cannot hold, is left out.
 */
export async function knownNames(stateFolder: string): Promise<readonly string[]> {
  const [known, seen] = await Promise.all([
    readKnownPeers(stateFolder).catch(() => undefined),
    readSeen(stateFolder),
  ]);
  const names = [
    ...(known?.peers ?? []).map(({ name }) => name),
    ...(known?.pins ?? []).map(({ place }) => place),
    // A known peer goes by the name that it has here.
    ...seen.filter(({ id }) => !known?.byId(id)).map(({ name }) => name),
  ];
  return [...new Set(names)].filter(isTypable).sort();
}

function isTypable(name: string): boolean {
  return name !== '' && name === name.trim() && !name.startsWith('-') && !dangerous.test(name);
}
