import { openSocket, type OpenSocket } from '#discovery/socket.js';
import { tryPort } from '#sharing/knocking.js';
import type { System } from '#src/process/system.js';
import { readHolders, type PortFacts } from './ports.js';

/** Whether a port could be had now, and who has it. It is taken for a moment and let go of again. */
export async function readPort(
  system: System,
  protocol: 'udp' | 'tcp',
  port: number,
  open: OpenSocket = openSocket,
): Promise<PortFacts> {
  const state = protocol === 'udp' ? await udpState(system, port, open) : await tcpState(port);
  const openOverIPv6 =
    protocol === 'udp' && state === 'held' && (await mayShare(system, port, 'ipv6', open));
  const isHeld = state === 'held' || state === 'shared';
  const holders = isHeld
    ? await readHolders(system, protocol, port)
    : { holders: [], hidden: false };
  return { protocol, port, state, openOverIPv6, ...holders };
}

async function udpState(
  system: System,
  port: number,
  open: OpenSocket,
): Promise<PortFacts['state']> {
  const alone = await tryUdp(port, '0.0.0.0', false, open);
  if (alone === null) return 'free';
  if (alone !== 'EADDRINUSE') return 'refused';
  return (await mayShare(system, port, 'ipv4', open)) ? 'shared' : 'held';
}

/**
 * Whoever shares a port lets it be bound once more. Of IPv4 that is tried on Linux at an address at which nothing is taken
 * from who has it. Other systems refuse that address, and IPv6 has none: there a probe sent to this machine alone may be
 * lost in that moment.
 */
async function mayShare(
  { platform }: System,
  port: number,
  family: 'ipv4' | 'ipv6',
  open: OpenSocket,
): Promise<boolean> {
  const [any, nobodys] = family === 'ipv4' ? ['0.0.0.0', '255.255.255.255'] : ['::', '::'];
  return (await tryUdp(port, platform === 'linux' ? nobodys : any, true, open)) === null;
}

async function tcpState(port: number): Promise<PortFacts['state']> {
  const code = await tryPort(port);
  if (code === null) return 'free';
  return code === 'EADDRINUSE' ? 'held' : 'refused';
}

async function tryUdp(
  port: number,
  address: string,
  reuseAddr: boolean,
  open: OpenSocket,
): Promise<string | null> {
  const opened = await open({
    address,
    port,
    reuseAddr,
    broadcast: false,
    inboxLimit: 1,
    maxBytes: 512,
    onDropped: () => undefined,
  });
  if (!opened.ok) return opened.code;
  await opened.socket[Symbol.asyncDispose]();
  return null;
}
