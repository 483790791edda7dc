import {
  liveNeighbourhood,
  type InterfaceTable,
  type Neighbourhood,
} from '#discovery/addresses.js';
import { startResponder } from '#discovery/responder.js';
import { SharingError } from '#sharing/errors.js';
import {
  startServer,
  type ServerLimits,
  type SharingServer,
  type ShownCode,
} from '#sharing/server.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import { noInterface, ProgramError } from '#src/failure.js';
import type { Log } from '#src/log.js';
import { rightsOf } from '#src/rights.js';
import { announceRunning, readRunning } from '#src/running.js';
import { quote } from '#src/view/quote.js';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Run } from './command.js';

/** Last port that is tried when the default one is taken. */
const lastDefaultPort = 30_010;
/** Milliseconds that a client has for each step before it is known. */
const doorTimes = { firstByteTime: 5000, handshakeTime: 10_000, helloTime: 10_000 };

export const run: Run = async (context, { words: [named] }) => {
  const { settings, origins, view, signal } = context;
  // `serve "$UNSET"` must not share whatever the current folder happens to be.
  if (named === '') throw new ProgramError('usage', 'the name of the folder is empty');
  if (Object.keys(context.interfaces()).length === 0) throw noInterface();
  const device = await context.device();
  const folder = resolve(context.workingFolder, named ?? settings.serverDirectory);
  if (named === undefined && origins.serverDirectory.kind === 'default') {
    await mkdir(folder, { recursive: true });
  }
  await using log = await context.openLog(view.quiet ? undefined : context.screen);
  const neighbourhood = liveNeighbourhood({ interfaces: context.interfaces });
  using board = codeBoard(context);
  await using server = await start(context, folder, neighbourhood, log, board.onCode);
  const { port } = server;
  if (port !== settings.tcpPort && settings.tcpPort !== 0) {
    view.note(`port ${settings.tcpPort} is taken; sharing on ${port} instead`);
  }
  const announcement = {
    id: device.id,
    run: randomBytes(6).toString('base64url'),
    name: settings.name,
    port,
    code: settings.open === 'no',
  };
  await using _responder = await startResponder({
    port: settings.udpPort,
    announcement: () => announcement,
    interfaces: context.interfaces,
    observe: log.discovery,
  });
  const { name, udpPort } = settings;
  await using _running = await announceRunning(context.stateFolder, {
    pid: context.pid,
    name,
    port,
    udpPort,
    folder,
  });
  const addresses = ownAddresses(context.interfaces());
  const { id } = device;
  view.show({ event: 'serving', name, id, port, addresses, folder, open: settings.open });
  if (context.onTerminal) board.show(server);
  else view.note('a machine that is not known yet needs a code: lanpost pair');
  if (addresses.length === 0) view.note('no network: this machine only');
  await aborted(signal);
  view.note('stopping');
  await server[Symbol.asyncDispose]();
  view.show({ event: 'stopped' });
  return exitCodes.done;
};

async function start(
  context: Context,
  folder: string,
  { isOwnAddress, isNearby }: Neighbourhood,
  log: Log,
  onCode: (shown: ShownCode | undefined) => void,
): Promise<SharingServer> {
  const { settings, origins } = context;
  const { tcpPort } = settings;
  const several = origins.tcpPort.kind === 'default';
  const ports = several
    ? Array.from({ length: lastDefaultPort - tcpPort + 1 }, (_, index) => tcpPort + index)
    : [tcpPort];
  const limits: ServerLimits = { ...settings, ...doorTimes };
  try {
    return await startServer({
      device: await context.device(),
      folder,
      name: settings.name,
      ports,
      open: settings.open,
      receivedPrefix: settings.receivedPrefix,
      pairRights: rightsOf(settings.pairRights),
      onCode,
      limits,
      isOwnAddress,
      isNearby,
      observe: log.sharing,
      now: Date.now,
    });
  } catch (error) {
    if (!(error instanceof SharingError) || error.code !== 'port-taken') throw error;
    throw new SharingError('port-taken', error.message, {
      ...error.facts,
      ...(await holder(context)),
    });
  }
}

interface CodeBoard extends Disposable {
  readonly onCode: (shown: ShownCode | undefined) => void;
  /** Shows a code, and from then on a new one whenever it was used or is too old. */
  show(server: SharingServer): void;
}

function codeBoard({ view }: Context): CodeBoard {
  let timer: NodeJS.Timeout | undefined;
  let renew: () => void = () => undefined;
  return {
    onCode(shown) {
      clearTimeout(timer);
      if (!shown) {
        renew();
        return;
      }
      timer = setTimeout(renew, shown.expires - Date.now());
      timer.unref();
    },
    show(server) {
      renew = () => {
        const { code, expires } = server.newCode(1);
        view.show({ event: 'code', code, expires: new Date(expires).toISOString() });
      };
      renew();
    },
    [Symbol.dispose]: () => {
      clearTimeout(timer);
    },
  };
}

/** Who holds the port, if it is a server of this user. */
async function holder({ stateFolder, settings, isAlive }: Context): Promise<{ holder?: string }> {
  const running = await readRunning(stateFolder, isAlive);
  const one = running.find(({ port }) => port === settings.tcpPort);
  return one ? { holder: `lanpost (pid ${one.pid}), which shares ${quote(one.folder)}` } : {};
}

function ownAddresses(interfaces: InterfaceTable): string[] {
  return Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address);
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
