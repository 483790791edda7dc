import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { makePlace, type Place } from './program.js';

/** A machine on the test network, in a network namespace of its own. */
export interface Host extends Place {
  readonly name: string;
  readonly namespace: string;
  /** By subnet. */
  readonly addresses: readonly string[];
  /** Pulls the cable to a subnet, or plugs it in again. */
  cable(subnet: number, state: 'up' | 'down'): void;
  /** Commands of `ip` on this machine; its interface on subnet 0 is e0. */
  readonly ip: (...commands: readonly string[]) => void;
  /** Connects it to a subnet that another host is on. */
  plug(subnet: number): void;
}

/** Machines and the switches between them; removed when it is disposed. */
export interface Lan extends AsyncDisposable {
  readonly hosts: readonly Host[];
}

export interface HostPlan {
  readonly name: string;
  /** The subnets it is on; none: only its loopback is up. */
  readonly subnets: readonly number[];
  /** Not even its loopback is up. */
  readonly dead?: boolean;
  /** It has no IPv4 address but that of loopback. */
  readonly ipv6Only?: boolean;
}

/** Builds hosts with a switch for each subnet: host `n` is 10.78.<subnet>.<n + 10>. Needs root. */
export async function buildLan(folder: string, plans: readonly HostPlan[]): Promise<Lan> {
  const prefix = `lp${process.pid}`;
  const wires = `${prefix}x`;
  const names = [wires, ...plans.map(({ name }) => `${prefix}${name}`)];
  const remove = (): void => {
    for (const name of names) spawnSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
  };
  process.once('exit', remove);
  for (const name of names) {
    execFileSync('ip', ['netns', 'add', name]);
    // Nobody else is on these links: the system need not look for a second owner of an address for a second or two.
    const file = '/proc/sys/net/ipv6/conf/default/accept_dad';
    execFileSync('ip', ['netns', 'exec', name, 'sh', '-c', `echo 0 > ${file}`]);
  }
  const subnets = [...new Set(plans.flatMap((plan) => plan.subnets))];
  ip(
    wires,
    subnets.map((subnet) => `link add b${subnet} up type bridge`),
  );
  const hosts = await Promise.all(
    plans.map((plan, n) => plugIn(folder, `${prefix}${plan.name}`, wires, n, plan)),
  );
  return {
    hosts,
    [Symbol.asyncDispose]() {
      process.off('exit', remove);
      remove();
      return Promise.resolve();
    },
  };
}

async function plugIn(
  folder: string,
  namespace: string,
  wires: string,
  n: number,
  { name, subnets, dead, ipv6Only }: HostPlan,
): Promise<Host> {
  if (dead !== true) ip(namespace, ['link set lo up']);
  function plug(subnet: number): void {
    ip(wires, [
      `link add h${n}s${subnet} type veth peer name e${subnet} netns ${namespace}`,
      `link set h${n}s${subnet} master b${subnet} up`,
    ]);
    const address = `addr add ${addressOf(n, subnet)}/24 brd + dev e${subnet}`;
    ip(namespace, [...(ipv6Only === true ? [] : [address]), `link set e${subnet} up`]);
  }
  for (const subnet of subnets) plug(subnet);
  const place = await makePlace(join(folder, name), namespace);
  return {
    ...place,
    name,
    namespace,
    addresses: subnets.map((subnet) => addressOf(n, subnet)),
    cable: (subnet, state) => {
      ip(wires, [`link set h${n}s${subnet} ${state}`]);
    },
    ip: (...commands) => {
      ip(namespace, commands);
    },
    plug,
  };
}

function addressOf(n: number, subnet: number): string {
  return `10.78.${subnet}.${n + 10}`;
}

function ip(namespace: string, commands: readonly string[]): void {
  const input = commands.join('\n');
  execFileSync('ip', ['-n', namespace, '-batch', '-'], {
    input,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}
