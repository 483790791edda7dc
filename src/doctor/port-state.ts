import { openSocket } from '#discovery/socket.js';
import { tryPort } from '#sharing/knocking.js';
import type { System } from '#src/system.js';
import { readHolders, type PortFacts } from './ports.js';

/** Whether a port could be had now, and who has it. It is taken for a moment and let go of again. */
export async function readPort(
  system: System,
  protocol: 'udp' | 'tcp',
  port: number,
): Promise<PortFacts> {
  const state = protocol === 'udp' ? await udpState(port) : await tcpState(port);
  const isHeld = state === 'held' || state === 'shared';
  const holders = isHeld
    ? await readHolders(system, protocol, port)
    : { holders: [], hidden: false };
  return { protocol, port, state, ...holders };
}

async function udpState(port: number): Promise<PortFacts['state']> {
  const alone = await tryUdp(port, '0.0.0.0', false);
  if (alone === null) return 'free';
  if (alone !== 'EADDRINUSE') return 'refused';
  // At the broadcast address nothing is taken from who shares the port.
  return (await tryUdp(port, '255.255.255.255', true)) === null ? 'shared' : 'held';
}

async function tcpState(port: number): Promise<PortFacts['state']> {
  const code = await tryPort(port);
  if (code === null) return 'free';
  return code === 'EADDRINUSE' ? 'held' : 'refused';
}

async function tryUdp(port: number, address: string, reuseAddr: boolean): Promise<string | null> {
  const opened = await openSocket({
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
