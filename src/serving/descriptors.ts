import { readFileSync } from 'node:fs';

/** Descriptors that a server needs for itself, and for connections that are not let in. */
const ownNeed = 64;
/** Descriptors of one client: its socket, and what its transfers hold, which are seldom many at once. */
const perClient = 12;

/**
 * Clients that a server can serve at once with the files and sockets that this user may open: where they run
 * out, nobody is served any more. Infinity where the limit cannot be read.
 */
export function clientsThatFit(): number {
  const limit = openFilesLimit();
  return limit === undefined ? Infinity : Math.max(1, Math.floor((limit - ownNeed) / perClient));
}

/** Node raises the soft limit to the hard one when it starts, so the soft one is what counts now. */
function openFilesLimit(): number | undefined {
  try {
    const text = readFileSync('/proc/self/limits', 'utf8');
    const soft = /^Max open files\s+(\d+)/m.exec(text)?.[1];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}
