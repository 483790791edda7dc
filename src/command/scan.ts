import type { DiscoveryEvent } from '#discovery/events.js';
import { scan, type FoundServer } from '#discovery/scanner.js';
import { SharingError } from '#sharing/errors.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import { foundServers, reachedBefore } from '#src/servers/found-servers.js';
import { noInterface, ProgramError } from '#src/failure.js';
import type { ServerAnswer } from '#src/view/answer.js';
import type { Run } from './command.js';

type ScanEnded = Extract<DiscoveryEvent, { kind: 'scan-ended' }>;

export const run: Run = async (context, call) => {
  const { view, settings, signal, interfaces } = context;
  const rows = foundServers();
  let ended: ScanEnded | undefined;
  view.status.draw('looking for servers');
  for await (const finding of scan({
    port: settings.udpPort,
    timeoutMs: settings.scanTimeout,
    known: await reachedBefore(context),
    deep: call.options['deep'] === true,
    mdns: settings.mdns === 'on',
    signal,
    interfaces,
    observe: (event) => {
      if (event.kind === 'scan-ended') ended = event;
    },
  })) {
    const { server } = finding;
    rows.take(finding);
    if (finding.kind === 'address') {
      const { id, name, port } = server;
      view.show({ event: 'address', id, name, address: finding.address, port });
    } else {
      view.show(serverAnswer(server));
    }
  }
  // Who is missing after an interrupt may only not have been heard yet.
  if (!signal.aborted) context.memory.scanned = rows.all();
  else if (rows.all().length === 0) throw new SharingError('cancelled', 'interrupted');
  if (call.options['explain'] === true && !signal.aborted) await explainRows(context);
  if (rows.all().length === 0) throw await nobodyFound(context, ended);
  if (ended?.interfaces.length === 0) view.note('no network: this machine only');
  const leftOut = (ended?.excess ?? 0) + (ended?.dropped ?? 0);
  if (leftOut > 0) {
    view.note(`more came than a scan keeps: ${leftOut} left out, servers may be missing`);
  }
  return signal.aborted ? exitCodes.interrupted : exitCodes.done;
};

function serverAnswer({ name, id, port, addresses, code, marks }: FoundServer): ServerAnswer {
  return { event: 'server', name, id, port, addresses, code, marks };
}

/** What became of probes from each address, asked once more from each alone. */
async function explainRows(context: Context): Promise<void> {
  const { view } = context;
  const { explainInterfaces } = await import('./explain.js');
  view.status.draw('looking at each interface');
  const checks = await explainInterfaces(context);
  view.status.clear();
  view.note('interface by interface');
  for (const check of checks) view.show(check);
}

async function nobodyFound(context: Context, ended: ScanEnded | undefined): Promise<ProgramError> {
  if (ended?.interfaces.length === 0 && !ended.loopback) return noInterface();
  const { likelyReasons } = await import('./explain.js');
  const alone = ended?.interfaces.length === 0;
  const message = alone ? 'no server found (no network: this machine only)' : 'no server found';
  return new ProgramError('nobody-found', message, await likelyReasons(context, alone));
}
