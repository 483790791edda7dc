import { readKnownPeers } from '#sharing/device.js';
import { SharingError } from '#sharing/errors.js';
import type { FoundServer } from '#discovery/scanner.js';
import type { ClientSession } from '#sharing/client.js';
import type { Call } from '#src/command/command.js';
import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { combine, ProgramError } from '#src/failure.js';
import { whereFound, type Destination } from './destination.js';
import { scanNow } from './scan-now.js';
import { findServer, parseServer } from './server-name.js';
import { withNewSession } from './session.js';
import { tell } from '#src/tell.js';
import { quote } from '#src/view/quote.js';
import { rowsOn } from '#src/view/rows.js';

/** One of several servers, and what its answers are shown under. */
interface Target {
  readonly name: string;
  readonly find: () => Promise<Destination>;
}

/**
 * Runs `work` in a session with each server of a list such as `amber,birch` or `all`, all of them at once; what fails
 * with one stops no other. Throws ProgramError `usage`, or `nobody-found` when `all` are none.
 */
export async function withServers(
  context: Context,
  call: Call,
  list: string,
  work: (context: Context, session: ClientSession) => Promise<ExitCode>,
): Promise<ExitCode> {
  const rows = rowsOn(context.view);
  const { ask } = context;
  const inTurn = oneAtATime();
  const targets = list === 'all' ? await everybody(context) : named(context, list);
  const ways: { readonly own: Context; readonly destination: Destination }[] = [];
  const codes: ExitCode[] = [];
  // One after the other: what the first look at the network shows serves the next names too.
  for (const { name, find } of targets) {
    const own: Context = {
      ...context,
      view: rows.of(name),
      ask: ask && ((question) => inTurn(() => rows.hold(() => ask(`${quote(name)}: ${question}`)))),
    };
    try {
      if (context.signal.aborted) throw interrupted();
      ways.push({ own, destination: await find() });
    } catch (error) {
      codes.push(await tell(own, null, error));
    }
  }
  if (context.signal.aborted) {
    for (const { own } of ways) await tell(own, null, interrupted());
    return exitCodes.interrupted;
  }
  const ended = ways.map(async ({ own, destination }) => {
    try {
      return await withNewSession(own, destination, call, (session) => work(own, session));
    } catch (error) {
      return await tell(own, null, error);
    } finally {
      own.view.status.clear();
    }
  });
  return combine([...codes, ...(await Promise.all(ended))]);
}

/** Each of the servers is told of, as of what else went wrong with it. */
function interrupted(): SharingError {
  return new SharingError('cancelled', 'interrupted');
}

function named(context: Context, list: string): readonly Target[] {
  const names = [...new Set(list.split(',').map((name) => name.trim()))];
  if (names.includes('')) {
    throw new ProgramError('usage', 'a server without a name', 'such as --to amber,birch');
  }
  return names.map((name) => ({ name, find: () => findServer(context, parseServer(name)) }));
}

/** Every known peer in reach. An open server may be anybody's: nothing goes there that does not name it. */
async function everybody(context: Context): Promise<readonly Target[]> {
  context.view.status.draw('looking for servers');
  const found = await scanNow(context);
  context.view.status.clear();
  const known = await readKnownPeers(context.stateFolder);
  const { id: ourId } = await context.device();
  const others = found.filter(
    ({ id, addresses }) => id !== null && id !== ourId && addresses.length > 0,
  );
  const peers = others.flatMap((server) => {
    const peer = known.byId(server.id ?? '');
    return peer ? [{ ...server, name: peer.name }] : [];
  });
  const unknown = others.length - peers.length;
  if (peers.length === 0) {
    throw new ProgramError(
      'nobody-found',
      'no server was found that this machine knows',
      'an open server is left out too; to reach one that is not known, name it: --to <server>',
    );
  }
  if (unknown > 0) context.view.note(`left out: ${unknown} that this machine does not know`);
  const machines = peers.filter((one, at) => !peers.slice(0, at).some((it) => isCopy(it, one)));
  return machines.map((server) => {
    const { name, port } = server;
    const isTwin = machines.filter((other) => other.name === name).length > 1;
    return {
      name: isTwin ? `${name} ${port}` : name,
      find: async () => {
        const destination = await whereFound(context, server, isTwin ? port : undefined);
        if (destination) return destination;
        throw new ProgramError('nobody-found', `${quote(name)} was not found`, 'is it on?');
      },
    };
  });
}

/**
 * An id that is heard at two places is one machine, and a copy of its id: the key tells which, when one of them is dialled.
 * At one place it may be two servers of that machine.
 */
function isCopy(one: FoundServer, other: FoundServer): boolean {
  return one.id === other.id && !one.addresses.some((at) => other.addresses.includes(at));
}

/** Who is asked two things at once answers one after the other. */
function oneAtATime(): <T>(work: () => Promise<T>) => Promise<T> {
  let before: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = before.then(work);
    before = mine.catch(() => undefined);
    return mine;
  };
}
