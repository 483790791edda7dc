import type { System } from '#src/process/system.js';

/** A port of this machine that servers use. */
export interface PortFacts {
  readonly protocol: 'udp' | 'tcp';
  readonly port: number;
  /** `shared`: somebody has it and lets others have it too, as lanpost does. */
  readonly state: 'free' | 'held' | 'shared' | 'refused';
  /** Who holds it, as far as this user may know. */
  readonly holders: readonly Holder[];
  /** Somebody holds it whom only root may see. */
  readonly hidden: boolean;
  /** Of UDP, held over IPv4: over IPv6 it is free, or shared by who has it. */
  readonly openOverIPv6: boolean;
}

export interface Holder {
  readonly pid: number;
  /** Its name; foreign text. */
  readonly program: string;
}

const listening = '0A';

/** Which programs hold a port: the sockets of it, then the processes that have them open. */
export async function readHolders(
  system: System,
  protocol: 'udp' | 'tcp',
  port: number,
): Promise<Pick<PortFacts, 'holders' | 'hidden'>> {
  const inodes = new Set<string>();
  for (const file of [protocol, `${protocol}6`]) {
    const text = (await system.readText(`/proc/net/${file}`)) ?? '';
    for (const inode of socketsAt(text, protocol, port)) inodes.add(inode);
  }
  if (inodes.size === 0) return { holders: [], hidden: false };
  const holders: Holder[] = [];
  const explained = new Set<string>();
  for (const pid of await system.list('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const own = await inodesOf(system, pid);
    const held = own.filter((inode) => inodes.has(inode));
    if (held.length === 0) continue;
    for (const inode of held) explained.add(inode);
    const program = (await system.readText(`/proc/${pid}/comm`))?.trim() ?? '';
    holders.push({ pid: Number(pid), program });
  }
  return { holders, hidden: explained.size < inodes.size };
}

/** The inodes of sockets bound to a port, from the text of /proc/net/udp and the like. */
function socketsAt(text: string, protocol: 'udp' | 'tcp', port: number): readonly string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, local = '', , state]) =>
        local.endsWith(suffix) && (protocol === 'udp' || state === listening),
    )
    .map((fields) => fields[9] ?? '0')
    .filter((inode) => inode !== '0');
}

async function inodesOf(system: System, pid: string): Promise<readonly string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await system.list(folder)).map((name) => system.linkOf(`${folder}/${name}`)),
  );
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link ?? '')?.slice(1) ?? []);
}
