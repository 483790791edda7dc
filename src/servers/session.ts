import {
  openSession,
  type ClientLimits,
  type ClientSession,
  type ConnectOptions,
} from '#sharing/client.js';
import { noteSeen, readPrivateFile } from '#sharing/device.js';
import { SharingError, type ErrorCode } from '#sharing/errors.js';
import { shortId } from '#sharing/id.js';
import { steadySession } from '#sharing/steady.js';
import { resolve } from 'node:path';
import { textOption, type Call } from '#src/command/command.js';
import type { Context } from '#src/context.js';
import type { ExitCode } from '#src/exit-codes.js';
import { explain, ProgramError } from '#src/failure.js';
import { placeText } from '#src/view/format.js';
import { quote } from '#src/view/quote.js';
import { searchBriefly, type Destination } from './destination.js';
import { findServer, parseServer } from './server-name.js';

/** Further addresses of a server that are remembered. */
const mostOthers = 3;

/** Milliseconds that a server has to answer hello. */
const helloTime = 10_000;

/** Opens a session and remembers where the server was; asks for a code if the server does. */
export async function openTo(
  context: Context,
  destination: Destination,
  call: Call,
): Promise<ClientSession> {
  const given = await givenCode(context, call);
  try {
    return await openWith(context, destination, given);
  } catch (error) {
    // A server whose key was forgotten here proves by a code that it is the right one.
    const asked =
      error instanceof SharingError && ['code-needed', 'unknown-server'].includes(error.code);
    if (!asked || !context.ask || given !== undefined) throw error;
  }
  context.view.status.clear();
  const place = quote(placeText(destination.hosts[0], destination.port));
  const code = await context.ask(`${place} asks for the code that its owner sees: `);
  if (code.trim() === '') {
    throw new SharingError('code-needed', 'no code was given', { asked: true });
  }
  return openWith(context, destination, code);
}

async function openWith(
  context: Context,
  destination: Destination,
  code: string | undefined,
): Promise<ClientSession> {
  const { settings, signal, view } = context;
  view.status.draw('connecting');
  const limits: ClientLimits = { ...settings, helloTime };
  const options = {
    device: await context.device(),
    name: settings.name,
    limits,
    now: Date.now,
  };
  let last = await openAt(destination, {
    ...options,
    ...(code !== undefined && { code }),
    signal,
  });
  view.status.clear();
  const { id, name, trust } = last.session.server;
  if (trust === 'paired')
    view.note(`paired with ${quote(name)} ${shortId(id)}; it needs no code again`);
  await remember(context, last);
  return steadySession(last.session, {
    patience: settings.reconnectTimeout,
    async reopen(expectedId, stop) {
      const search = (): Promise<Destination | null> =>
        searchBriefly({ ...context, signal: stop }, expectedId, destination.onlyPort);
      last = await openAgain({ ...last.found, expectedId }, { ...options, signal: stop }, search);
      await remember(context, last);
      return last.session;
    },
    onBroken(error) {
      const { code, message } = explain(error);
      const { address, port } = last.session.server;
      view.show({ event: 'broken', name, address, port, code, message });
    },
    onBack() {
      const { address, port } = last.session.server;
      view.show({ event: 'back', name, address, port });
    },
  });
}

/** Notes where it was reached, and where it was found besides: the way that was faster today may be gone tomorrow. */
async function remember(context: Context, { session, found }: Opened): Promise<void> {
  const { id, name, address, port } = session.server;
  const all = [...found.hosts, ...(found.further ?? []).map((door) => door.host)];
  const host = all.length > 1 ? address : found.hosts[0];
  const others = [...new Set(all)].filter((one) => one !== host).slice(0, mostOthers);
  await noteSeen(context.stateFolder, { id, name, host, port, others });
}

type Somewhere = Omit<ConnectOptions, 'hosts' | 'port' | 'further' | 'expectedId'>;

/** A session, and the place by which it was reached. */
interface Opened {
  readonly session: ClientSession;
  readonly found: Omit<Destination, 'searchAgain'>;
}

/** Opens it where it was found, or where the whole network shows it; `found` says which. */
async function openAt({ searchAgain, ...found }: Destination, options: Somewhere): Promise<Opened> {
  try {
    return { session: await openSession({ ...options, ...found }), found };
  } catch (error) {
    const next = isSomebodyElse(error, found.expectedId) ? await searchAgain?.() : undefined;
    if (!next) throw error;
    return openAt(next, options);
  }
}

/** Opens it where it was, or where it is by now. That somebody else is there is no reason to give up: it may be on its way back. */
async function openAgain(
  found: Opened['found'],
  options: Somewhere,
  search: () => Promise<Destination | null>,
): Promise<Opened> {
  try {
    return { session: await openSession({ ...options, ...found }), found };
  } catch (error) {
    const next = isSomebodyElse(error, found.expectedId) ? await search() : null;
    if (!next) throw error;
    return openAt(next, options).catch(() => {
      throw error;
    });
  }
}

/** Another key than that of the name, or nobody: whoever was found there may have told a lie, or have moved. */
function isSomebodyElse(error: unknown, expectedId: string | undefined): boolean {
  if (!(error instanceof SharingError)) return false;
  const { code, facts } = error;
  if (code === 'key-changed') return facts['expected'] === expectedId;
  return nobodyThere.includes(code);
}

const nobodyThere: readonly ErrorCode[] = [
  'unreachable',
  'connection-refused',
  'connect-timeout',
  'not-lanpost',
];

/** The code from `--code-file`: a private file, or standard input. Throws ProgramError `usage`. */
async function givenCode(context: Context, call: Call): Promise<string | undefined> {
  const file = textOption(call, 'code-file');
  if (file === undefined) return undefined;
  if (file === '-') return context.readInput();
  try {
    return await readPrivateFile(resolve(context.workingFolder, file));
  } catch (error) {
    if (!(error instanceof SharingError) || error.code !== 'not-found') throw error;
    const hint = 'a file with the code, for its owner alone, or - for standard input';
    throw new ProgramError('usage', `there is no file "${quote(file)}" with the code`, hint);
  }
}

/**
 * Runs `work` with the session that a call means: the open one at the prompt, a new one in one shot.
 * Throws ProgramError `not-connected` at a prompt without a session.
 */
export async function withSession(
  context: Context,
  call: Call,
  work: (session: ClientSession) => Promise<ExitCode>,
): Promise<ExitCode> {
  if (context.atPrompt) {
    return work(openSessionOf(context));
  }
  const destination = await findServer(context, parseServer(call.server ?? ''));
  return withNewSession(context, destination, call, work);
}

/** The session of the prompt. Throws ProgramError `not-connected`. */
export function openSessionOf({ memory: { session } }: Context): ClientSession {
  if (session) return session;
  throw new ProgramError(
    'not-connected',
    'no session is open',
    'connect <server>; scan shows them',
  );
}

/** Runs `work` in a session of its own, which ends with it. */
export async function withNewSession(
  context: Context,
  destination: Destination,
  call: Call,
  work: (session: ClientSession) => Promise<ExitCode>,
): Promise<ExitCode> {
  const session = await openTo(context, destination, call);
  sayUnverified(context, session);
  try {
    return await work(session);
  } finally {
    await session.bye();
  }
}

/** An open server's key is known to nobody: the user hears that each time. */
function sayUnverified(context: Context, { server }: ClientSession): void {
  if (server.trust !== 'unverified') return;
  context.view.show({ event: 'unverified', name: server.name, id: server.id });
}
