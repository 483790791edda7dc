import { isLinkLocal, type InterfaceTable } from './addresses.js';

/** The multicast group of discovery, link-local (PROTOCOL.md, Ports). */
export const discoveryGroup = 'ff12::7530';

/** An interface that speaks IPv6. */
export interface Link {
  readonly interface: string;
  /** What stands behind the `%`: the name of the interface, on Windows its number. */
  readonly zone: string;
  /** Its link-local address, without the zone. */
  readonly address: string;
}

/** Pure: the interfaces with a link-local IPv6 address, each once. */
export function linksOf(
  table: InterfaceTable,
  platform: NodeJS.Platform = process.platform,
): readonly Link[] {
  return Object.entries(table).flatMap(([name, infos]) => {
    const own = infos?.find(({ address, internal }) => !internal && isLinkLocal(address));
    if (own?.family !== 'IPv6') return [];
    const zone = platform === 'win32' ? String(own.scopeid) : name;
    return [{ interface: name, zone, address: own.address }];
  });
}
