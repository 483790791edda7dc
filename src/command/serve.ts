import { liveNeighbourhood } from '#discovery/addresses.js';
import { writingTo } from '#sharing/errors.js';
import type { ServingMode, SharingServer } from '#sharing/server.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import { noInterface, ProgramError } from '#src/failure.js';
import { tuneForTransfers } from '#src/process/tuning.js';
import type { Log } from '#src/log/log.js';
import { announceRunning } from '#src/servers/running.js';
import { announceServer, ownAddresses } from '#src/serving/announcing.js';
import { codeBoard } from '#src/serving/code-board.js';
import { servingScreen } from '#src/serving/screen.js';
import { start } from '#src/serving/start.js';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Call, Run } from './command.js';

export const run: Run = async (context, call) => {
  tuneForTransfers();
  const { settings, view } = context;
  const mode = modeOf(context, call);
  if (Object.keys(context.interfaces()).length === 0) throw noInterface();
  const { id } = await context.device();
  const folder = await folderOf(context, call);
  const held: { server?: SharingServer } = {};
  using watch = await watchServing(context, held);
  using board = codeBoard(view);
  const stopping = new AbortController();
  await using server = await start(context, folder, {
    mode,
    ...liveNeighbourhood({ interfaces: context.interfaces }),
    observe: watch.sharing,
    onCode: board.onCode,
    onShutdown: () => {
      stopping.abort();
    },
  });
  held.server = server;
  const { port } = server;
  const { name, udpPort, open } = settings;
  if (port !== settings.tcpPort && settings.tcpPort !== 0) {
    view.note(`port ${settings.tcpPort} is taken; sharing on ${port} instead`);
  }
  const announcement = { id, run: randomBytes(6).toString('base64url'), name, port };
  await using announced = await announceServer(
    context,
    { ...announcement, code: open === 'no' },
    watch.discovery,
  );
  const { pid, stateFolder } = context;
  await using _running = await announceRunning(stateFolder, { pid, name, port, udpPort, folder });
  const addresses = ownAddresses(context.interfaces());
  view.show({ event: 'serving', name, id, port, addresses, folder, open, mode });
  if (context.onTerminal) board.show(server);
  else if (open === 'no') view.note('a machine that is not known yet needs a code: lanpost pair');
  if (addresses.length === 0) view.note('no network: this machine only');
  await aborted(AbortSignal.any([context.signal, stopping.signal]));
  view.note('stopping');
  await Promise.all([announced[Symbol.asyncDispose](), sayGoodbye(server, context.signal)]);
  view.show({ event: 'stopped' });
  return exitCodes.done;
};

/** Ctrl-C does not wait for anybody, not even when it comes while others are still served. */
async function sayGoodbye(server: SharingServer, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await Promise.race([server.windDown(), aborted(signal)]);
  await server[Symbol.asyncDispose]();
}

type Watch = Pick<Log, 'sharing' | 'discovery'> & Disposable;

/** Where the server's events go: to the log, and on a terminal to a screen of their own. */
async function watchServing(
  context: Context,
  held: { readonly server?: SharingServer },
): Promise<Watch> {
  const { view } = context;
  const log = await context.openLog(view.quiet || view.isLive ? undefined : context.screen);
  if (!view.isLive) return { ...log, [Symbol.dispose]: () => undefined };
  const screen = servingScreen({
    view,
    standing: () => held.server?.standing(),
    now: Date.now,
    clock: () => performance.now(),
  });
  return {
    sharing(event) {
      log.sharing(event);
      screen.sharing(event);
    },
    discovery(event) {
      log.discovery(event);
      screen.discovery(event);
    },
    [Symbol.dispose]: () => {
      screen[Symbol.dispose]();
    },
  };
}

/** The folder to share; the usual one is made. Throws ProgramError `usage` or SharingError `folder-unwritable`. */
async function folderOf(
  { settings, origins, workingFolder }: Context,
  { words: [named] }: Call,
): Promise<string> {
  // `serve "$UNSET"` must not share whatever the current folder happens to be.
  if (named === '') throw new ProgramError('usage', 'the name of the folder is empty');
  const folder = resolve(workingFolder, named ?? settings.serverDirectory);
  if (named === undefined && origins.serverDirectory.kind === 'default') {
    await writingTo(folder, 'folder-unwritable', () => mkdir(folder, { recursive: true }));
  }
  return folder;
}

/** Throws ProgramError `usage` for what cannot go together. */
function modeOf({ settings }: Context, { options }: Call): ServingMode {
  const [readOnly, inbox] = [options['read-only'] === true, options['inbox'] === true];
  if (readOnly && inbox) {
    throw new ProgramError(
      'usage',
      'an inbox is there to be written to',
      'choose --inbox or --read-only',
    );
  }
  const mode = readOnly ? 'read-only' : inbox ? 'inbox' : settings.mode;
  if (mode === 'inbox' && settings.open === 'read') {
    throw new ProgramError(
      'usage',
      'an inbox lets nobody read',
      'open it with --open=rw, or not at all',
    );
  }
  return mode;
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((done) => {
    signal.addEventListener(
      'abort',
      () => {
        done();
      },
      { once: true },
    );
  });
}
