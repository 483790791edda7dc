import { isLinkLocal, liveNeighbourhood, type InterfaceTable } from '#discovery/addresses.js';
import { startResponder, type Announcement } from '#discovery/responder.js';
import { SharingError, writingTo } from '#sharing/errors.js';
import {
  startServer,
  type ServerLimits,
  type ServerOptions,
  type ServingMode,
  type SharingServer,
  type ShownCode,
} from '#sharing/server.js';
import type { Context } from '#src/context.js';
import { clientsThatFit } from '#src/descriptors.js';
import { exitCodes } from '#src/exit-codes.js';
import { noInterface, ProgramError } from '#src/failure.js';
import { keepHeapSmall } from '#src/heap.js';
import type { Log } from '#src/log.js';
import { rightsOf } from '#src/rights.js';
import { announceRunning, readRunning } from '#src/running.js';
import { quote } from '#src/view/quote.js';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Call, Run } from './command.js';

/** Last port that is tried when the default one is taken. */
const lastDefaultPort = 30_010;
/** What no setting changes (PROTOCOL.md, "Limits"); times in milliseconds. */
const door = {
  firstByteTime: 5000,
  handshakeTime: 10_000,
  helloTime: 10_000,
  pairingTime: 30_000,
  maxStrangers: 32,
  perAddress: { burst: 64, perSecond: 20 },
  inAll: { burst: 256, perSecond: 100 },
  messages: { burst: 4000, perSecond: 2000 },
} as const;

export const run: Run = async (context, call) => {
  keepHeapSmall();
  const { settings, origins, view } = context;
  const [named] = call.words;
  const mode = modeOf(context, call);
  // `serve "$UNSET"` must not share whatever the current folder happens to be.
  if (named === '') throw new ProgramError('usage', 'the name of the folder is empty');
  if (Object.keys(context.interfaces()).length === 0) throw noInterface();
  const device = await context.device();
  const folder = resolve(context.workingFolder, named ?? settings.serverDirectory);
  if (named === undefined && origins.serverDirectory.kind === 'default') {
    await writingTo(folder, 'folder-unwritable', () => mkdir(folder, { recursive: true }));
  }
  const log = await context.openLog(view.quiet ? undefined : context.screen);
  const neighbourhood = liveNeighbourhood({ interfaces: context.interfaces });
  using board = codeBoard(context);
  const stopping = new AbortController();
  await using server = await start(context, folder, {
    mode,
    ...neighbourhood,
    observe: log.sharing,
    onCode: board.onCode,
    onShutdown: () => {
      stopping.abort();
    },
  });
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
  await using responder = await startResponder({
    port: settings.udpPort,
    announcement: () => announcement,
    interfaces: context.interfaces,
    observe: log.discovery,
  });
  await using announcer = await announceByMdns(context, () => announcement, log);
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
  view.show({ event: 'serving', name, id, port, addresses, folder, open: settings.open, mode });
  if (context.onTerminal) board.show(server);
  else view.note('a machine that is not known yet needs a code: lanpost pair');
  if (addresses.length === 0) view.note('no network: this machine only');
  await aborted(AbortSignal.any([context.signal, stopping.signal]));
  view.note('stopping');
  await Promise.all([responder[Symbol.asyncDispose](), announcer?.[Symbol.asyncDispose]()]);
  // Ctrl-C does not wait for anybody, not even when it comes while others are still served.
  if (!context.signal.aborted) await Promise.race([server.windDown(), aborted(context.signal)]);
  await server[Symbol.asyncDispose]();
  view.show({ event: 'stopped' });
  return exitCodes.done;
};

/** Loaded only when it is wanted: it is as large as all else that a server needs to be found. */
async function announceByMdns(
  { settings, interfaces }: Context,
  announcement: () => Announcement,
  log: Log,
): Promise<AsyncDisposable | undefined> {
  if (settings.mdns === 'off') return undefined;
  const { startAnnouncer } = await import('#discovery/announcer.js');
  return startAnnouncer({ announcement, interfaces, observe: log.discovery });
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

async function start(
  context: Context,
  folder: string,
  parts: Pick<
    ServerOptions,
    'mode' | 'isOwnAddress' | 'isNearby' | 'observe' | 'onCode' | 'onShutdown'
  >,
): Promise<SharingServer> {
  const { settings, origins } = context;
  const { tcpPort } = settings;
  const several = origins.tcpPort.kind === 'default';
  const ports = several
    ? Array.from({ length: lastDefaultPort - tcpPort + 1 }, (_, index) => tcpPort + index)
    : [tcpPort];
  const fit = clientsThatFit();
  if (fit < settings.maxClients) {
    context.view.note(`this user may open few files: at most ${fit} clients at once`);
  }
  const maxClients = Math.min(settings.maxClients, fit);
  const limits: ServerLimits = { ...settings, ...door, maxClients };
  try {
    return await startServer({
      device: await context.device(),
      folder,
      name: settings.name,
      ports,
      open: settings.open,
      receivedPrefix: settings.receivedPrefix,
      pairRights: rightsOf(settings.pairRights),
      limits,
      now: Date.now,
      ...parts,
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

/** Where others reach this machine; link-local addresses only where there are no others, for they are many and long. */
function ownAddresses(interfaces: InterfaceTable): string[] {
  const all = Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal }) => !internal)
    .map(({ address }) => address);
  const wider = all.filter((address) => !isLinkLocal(address));
  return wider.length > 0 ? wider : all;
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
