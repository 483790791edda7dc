import { isInNetworks, readInterfaces, type InterfaceTable } from '#discovery/addresses.js';
import { askDirectly } from '#discovery/direct.js';
import { linksOf } from '#discovery/links.js';
import { sweepHosts } from '#discovery/sweep.js';
import { examine, type Examination } from '#discovery/examine.js';
import { knock } from '#sharing/knocking.js';
import type { Running } from '#src/servers/running.js';
import type { System } from '#src/process/system.js';
import { readEnvironment } from './environment.js';
import type { Facts, NeighbourFacts } from './facts.js';
import { readFirewalls } from './firewall/firewalls.js';
import { familyOf, type PacketOptions, type PortRange } from './firewall/packet.js';
import { readLinks, type Link } from './links.js';
import { readPort } from './port-state.js';
import { readDefaultRoutes, readNeighbours } from './routes.js';
import { lookAtServer, type Sought } from './server.js';
import { situationOf } from './situation.js';

export interface LookOptions {
  readonly system: System;
  readonly interfaces: () => InterfaceTable;
  readonly udpPort: number;
  readonly tcpPort: number;
  /** All servers of this user that run here. */
  readonly running: readonly Running[];
  readonly signal: AbortSignal;
}

/** Milliseconds. */
const thorough = { rounds: [0, 120, 400], listenMs: 900 };
/** What this machine hears of itself is there at once. */
const brief = { rounds: [0], listenMs: 40 };
const neighbourAnswerMs = 600;
const knockMs = 800;
/** How many networks are asked address by address, and how many machines are then knocked at. */
const mostNetworks = 2;
const mostKnocks = 16;

/**
 * Looks at everything, within some 3 s; a named server that is silent takes up to 4 s more, a name to be looked up 3 s.
 * Changes nothing; whatever cannot be seen is left out.
 */
export async function lookAround(options: LookOptions, sought?: Sought): Promise<Facts> {
  const { system, signal, udpPort, tcpPort } = options;
  const base = await lookAtMachine(options);
  // The ports first: looking for broadcasts takes a share of one.
  const ports = [await readPort(system, 'udp', udpPort), await readPort(system, 'tcp', tcpPort)];
  const places = placesOf(options, base, await readFreePorts(system));
  const firewalls = readFirewalls(system, places);
  const examination = await examine(examineOptions(options, thorough));
  const facts: Facts = { ...base, ports, examination, firewalls: await firewalls };
  const neighbours =
    situationOf(facts).nobody && !signal.aborted ? await askAll(options, facts) : null;
  const found = [
    ...examination.addresses.flatMap(({ answers }) => answers),
    ...(neighbours?.answers ?? []),
  ];
  const server = sought === undefined ? null : await lookAtServer(sought, found, options);
  return { ...facts, neighbours, server };
}

/** Looks at what each interface does, as thoroughly. */
export async function lookEach(options: LookOptions): Promise<Facts> {
  const base = await lookAtMachine(options);
  return { ...base, examination: await examine(examineOptions(options, thorough)) };
}

/** Looks at what is told within a moment; for a scan that found nobody. */
export async function lookBriefly(options: LookOptions): Promise<Facts> {
  const [base, examination] = await Promise.all([
    lookAtMachine(options),
    examine(examineOptions(options, brief)),
  ]);
  return { ...base, examination };
}

function examineOptions(
  { udpPort, interfaces, signal }: LookOptions,
  pace: { readonly rounds: readonly number[]; readonly listenMs: number },
): Parameters<typeof examine>[0] {
  return { port: udpPort, interfaces, signal, ...pace };
}

const nothingExamined: Examination = { addresses: [], offLink: [] };

async function lookAtMachine({
  system,
  interfaces,
  udpPort,
  tcpPort,
  running,
}: LookOptions): Promise<Facts> {
  const [environment, links, routes] = await Promise.all([
    readEnvironment(system),
    readLinks(system, readInterfaces(interfaces)),
    readDefaultRoutes(system),
  ]);
  return {
    environment,
    udpPort,
    tcpPort,
    links,
    routes,
    examination: nothingExamined,
    ownServers: running.filter((one) => one.udpPort === udpPort),
    ports: [],
    firewalls: null,
    neighbours: null,
    server: null,
  };
}

/** The interfaces without those that lead only to containers and machines inside this one. */
function outside({ interfaces }: LookOptions, links: readonly Link[]): InterfaceTable {
  const inside = new Set(links.filter(({ kind }) => kind === 'container').map(({ name }) => name));
  const all = Object.entries(readInterfaces(interfaces));
  return Object.fromEntries(all.filter(([name]) => !inside.has(name)));
}

/** Each address that others are met at, with the TCP port that matters: that of a server that runs here, if one does. */
function placesOf(
  options: LookOptions,
  { links, ownServers: [own] }: Facts,
  freePorts: PortRange,
): readonly PacketOptions[] {
  const { udpPort, tcpPort } = options;
  const common = { udpPort, tcpPort: own?.port ?? tcpPort, freePorts };
  const table = outside(options, links);
  const ipv4 = Object.entries(table).flatMap(([name, infos]) =>
    (infos ?? [])
      .filter(({ family, internal, cidr }) => family === 'IPv4' && !internal && cidr !== null)
      .map(({ address, cidr }) => ({
        interface: name,
        network: cidr ?? address,
        own: `${address}/32`,
        ...common,
      })),
  );
  const ipv6 = linksOf(table).map((link) => ({
    interface: link.interface,
    network: linkLocalNetwork,
    own: `${link.address}/128`,
    ...common,
  }));
  return [...ipv4, ...ipv6];
}

const linkLocalNetwork = 'fe80::/64';
/** The default of Linux. */
const usualFreePorts: PortRange = [32_768, 60_999];

/** Ports that the system gives to who asks for none. */
async function readFreePorts(system: System): Promise<PortRange> {
  const text = (await system.readText('/proc/sys/net/ipv4/ip_local_port_range')) ?? '';
  const [, from, to] = /^(\d+)\s+(\d+)/.exec(text) ?? [];
  return from === undefined || to === undefined ? usualFreePorts : [Number(from), Number(to)];
}

/** Who else is there: every address of our small networks is asked, then those that the system has found are knocked at. */
async function askAll(options: LookOptions, facts: Facts): Promise<NeighbourFacts> {
  const { system, udpPort, tcpPort, signal } = options;
  const addresses = sweepHosts(outside(options, facts.links), mostNetworks);
  const { answers } = await askDirectly({
    port: udpPort,
    addresses,
    times: 1,
    listenMs: neighbourAnswerMs,
    signal,
  });
  const learned = [...((await readNeighbours(system))?.values() ?? [])].flat();
  const routers = new Set(facts.routes?.map(({ gateway }) => gateway));
  const there = addresses.filter((address) => learned.includes(address) && !routers.has(address));
  const machines = await Promise.all(
    there.slice(0, mostKnocks).map(async (address) => ({
      address,
      tcp: await knock({ host: address, port: tcpPort, timeout: knockMs, signal }),
    })),
  );
  const networks = placesOf(options, facts, usualFreePorts)
    .map(({ network }) => network)
    .filter((network) => familyOf(network) === 'ip');
  const complete =
    networks.length > 0 &&
    networks.every(
      (network) =>
        hasNobody(network) || addresses.some((address) => isInNetworks([network], address)),
    );
  const more = there.length - machines.length;
  return { asked: addresses.length, complete, answers, machines, more };
}

/** A network of one or two addresses is a line to one other machine, as tunnels have it. */
function hasNobody(network: string): boolean {
  return Number(network.split('/')[1]) > 30;
}
