import { readKnownPeers } from '#sharing/device.js';
import type { ClientSession, Hosts } from '#sharing/client.js';
import { shortId } from '#sharing/id.js';
import type { Call } from './command/command.js';
import type { Context } from './context.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { combine, ProgramError } from './failure.js';
import { findServer, parseServer, scanNow, type Destination } from './server-name.js';
import { withNewSession } from './session.js';
import { tell } from './tell.js';
import { quote } from './view/quote.js';
import { rowsOn } from './view/rows.js';

/** One of several servers, and what its answers are shown under. */
interface Meant {
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
  const meant = list === 'all' ? await everybody(context) : named(context, list);
  const ways: { readonly own: Context; readonly destination: Destination }[] = [];
  const codes: ExitCode[] = [];
  // One after the other: what the first look at the network shows serves the next names too.
  for (const { name, find } of meant) {
    const own: Context = {
      ...context,
      view: rows.of(name),
      ask: ask && ((question) => inTurn(() => rows.hold(() => ask(`${quote(name)}: ${question}`)))),
    };
    try {
      ways.push({ own, destination: await find() });
    } catch (error) {
      codes.push(await tell(own, null, error));
    }
    if (context.signal.aborted) return exitCodes.interrupted;
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

function named(context: Context, list: string): readonly Meant[] {
  const names = [...new Set(list.split(',').map((name) => name.trim()))];
  if (names.includes('')) {
    throw new ProgramError('usage', 'a server without a name', 'such as --to amber,birch');
  }
  return names.map((name) => ({ name, find: () => findServer(context, parseServer(name)) }));
}

/** Every server in reach that lets this machine in as it is, but for those of this machine itself. */
async function everybody(context: Context): Promise<readonly Meant[]> {
  context.view.status.draw('looking for servers');
  const found = await scanNow(context);
  context.view.status.clear();
  const known = await readKnownPeers(context.stateFolder);
  const { id: ourId } = await context.device();
  const others = found.flatMap((server) => {
    const [best, ...more] = server.addresses;
    const { id } = server;
    if (id === null || id === ourId || best === undefined) return [];
    const hosts: Hosts = [best, ...more];
    return [{ ...server, id, hosts }];
  });
  const open = others.filter(({ id, code }) => known.byId(id) !== undefined || code === false);
  const closed = others.length - open.length;
  const hint = 'who asks for a code is left out; connect to it once';
  if (open.length === 0) {
    throw new ProgramError('nobody-found', 'no server was found that lets this machine in', hint);
  }
  if (closed > 0) context.view.note(`left out: ${closed} that would ask for a code`);
  const names = open.map(({ id, name }) => known.byId(id)?.name ?? name);
  return open.map(({ id, hosts, port }, at) => {
    const name = names[at] ?? '';
    const isTwin = names.filter((other) => other === name).length > 1;
    return {
      name: isTwin ? `${name} ${shortId(id)} ${port}` : name,
      find: () => Promise.resolve({ hosts, port, expectedId: id }),
    };
  });
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
