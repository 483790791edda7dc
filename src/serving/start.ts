import { SharingError } from '#sharing/errors.js';
import {
  startServer,
  type ServerLimits,
  type ServerOptions,
  type SharingServer,
} from '#sharing/server.js';
import type { Context } from '#src/context.js';
import { clientsThatFit } from './descriptors.js';
import { rightsOf } from '#src/rights.js';
import { readRunning } from '#src/servers/running.js';
import { quote } from '#src/view/quote.js';

/** Last port that is tried when the default one is taken. */
const lastDefaultPort = 30_010;
/** What no setting changes (PROTOCOL.md, "Limits"); times in milliseconds. */
const limitsAtTheDoor = {
  firstByteTime: 5000,
  handshakeTime: 10_000,
  helloTime: 10_000,
  pairingTime: 30_000,
  maxStrangers: 32,
  perAddress: { burst: 64, perSecond: 20 },
  inAll: { burst: 256, perSecond: 100 },
  messages: { burst: 4000, perSecond: 2000 },
} as const;

/** Starts the server that the settings describe. Throws SharingError, as `startServer`. */
export async function start(
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
  const limits: ServerLimits = { ...settings, ...limitsAtTheDoor, maxClients };
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

/** Who holds the port, if it is a server of this user. */
async function holder({ stateFolder, settings, isAlive }: Context): Promise<{ holder?: string }> {
  const running = await readRunning(stateFolder, isAlive);
  const one = running.find(({ port }) => port === settings.tcpPort);
  return one ? { holder: `lanpost (pid ${one.pid}), which shares ${quote(one.folder)}` } : {};
}
