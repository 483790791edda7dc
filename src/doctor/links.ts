import type { InterfaceTable } from '#discovery/addresses.js';
import { isVirtual } from '#discovery/virtual.js';
import type { System } from '#src/process/system.js';
import { join } from 'node:path';

export type LinkKind = 'wired' | 'wireless' | 'bridge' | 'vpn' | 'container' | 'loopback' | 'other';

/** A network interface, with an address or without. */
export interface Link {
  readonly name: string;
  readonly kind: LinkKind;
  /** Switched on; null when the system does not tell. */
  readonly up: boolean | null;
  /** A cable or a radio network is there; null when the system does not tell. */
  readonly carrier: boolean | null;
  /** `192.168.1.20/24`, IPv4 first. */
  readonly addresses: readonly string[];
}

const folder = '/sys/class/net';
const flagUp = 1;
/** Values of `type` in /sys/class/net (linux/if_arp.h). */
const loopbackType = '772';
const tunnelTypes = ['512', '768', '769', '776', '778', '65534'];

const vpnName = /^(tun|tap|wg|ppp|utun|ipsec|tailscale|zt|nordlynx|proton|gpd|cscotun)/;
const wirelessName = /^(wl|wlan|wi-?fi|ath|ra\d)/i;
const bridgeName = /^(br\d|bridge)/;

/** Every interface of the machine: what the system says of it, and where it says nothing, what its name tells. */
export async function readLinks(
  system: System,
  interfaces: InterfaceTable,
): Promise<readonly Link[]> {
  const names = new Set([...Object.keys(interfaces), ...(await namesOf(system))]);
  const links = await Promise.all(
    [...names].map(async (name): Promise<Link> => {
      const entries = (interfaces[name] ?? []).toSorted((a, b) => a.family.localeCompare(b.family));
      const addresses = entries.map(({ cidr, address }) => cidr ?? address);
      const internal = entries.some((entry) => entry.internal);
      const state = await stateOf(system, name);
      return {
        name,
        addresses,
        kind: internal ? 'loopback' : await kindOf(system, name),
        // What the system gives addresses of is up.
        up: addresses.length > 0 ? true : state.up,
        carrier: addresses.length > 0 ? true : state.carrier,
      };
    }),
  );
  return links.every(isOfNamespace) ? links.map(asWayOut) : links;
}

/** In a network namespace there may be nothing but the inner ends of pairs, and they lead out. */
function isOfNamespace({ name, kind }: Link): boolean {
  return kind === 'loopback' || kind === 'vpn' || name.startsWith('veth');
}

function asWayOut(link: Link): Link {
  return link.kind === 'container' ? { ...link, kind: 'wired' } : link;
}

/** The file lists the interfaces of this network namespace, which /sys may not. */
async function namesOf(system: System): Promise<readonly string[]> {
  const text = (await system.readText('/proc/net/dev')) ?? '';
  return [...text.matchAll(/^\s*([^\s:|]+):/gm)].map(([, name = '']) => name);
}

async function stateOf(system: System, name: string): Promise<Pick<Link, 'up' | 'carrier'>> {
  const flags = await fact(system, name, 'flags');
  if (flags === null) return { up: null, carrier: null };
  const up = (Number(flags) & flagUp) !== 0;
  const carrier = await fact(system, name, 'carrier');
  return { up, carrier: carrier === null ? null : carrier === '1' };
}

async function kindOf(system: System, name: string): Promise<LinkKind> {
  const type = await fact(system, name, 'type');
  const device = (await system.readText(join(folder, name, 'uevent'))) ?? '';
  const isDevice = (kind: string): boolean => device.includes(`DEVTYPE=${kind}\n`);
  if (type === loopbackType) return 'loopback';
  if (isVirtual(name)) return 'container';
  if (isDevice('wlan') || wirelessName.test(name)) return 'wireless';
  const isTunnel = type !== null && tunnelTypes.includes(type);
  if (isTunnel || isDevice('wireguard') || vpnName.test(name)) return 'vpn';
  if (isDevice('bridge') || (type === null && bridgeName.test(name))) return 'bridge';
  return type === null || type === '1' ? 'wired' : 'other';
}

async function fact(system: System, name: string, file: string): Promise<string | null> {
  return (await system.readText(join(folder, name, file)))?.trim() ?? null;
}
