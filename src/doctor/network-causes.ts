import { isInNetworks } from '#discovery/addresses.js';
import type { Cause, Weight } from './causes.js';
import type { Facts, Neighbour, NeighbourFacts } from './facts.js';
import type { Reason } from './reasons.js';
import type { Situation } from './situation.js';

/**
 * Pure: what lies between the machines, or on the other ones. `explained`: something nearer explains already why
 * nobody answers, so that silence proves nothing about the network.
 */
export function networkCauses(
  facts: Facts,
  situation: Situation,
  explained: boolean,
): readonly Reason[] {
  const { nobody, serving, outward } = situation;
  if (outward.length === 0) return [];
  const masks = wrongMask(facts, situation);
  if (!nobody || explained || facts.server?.tcp === 'lanpost') return masks;
  const lost = silence(facts, masks.length > 0, serving);
  const isAmongOthers = facts.neighbours?.machines.some(isAlive) === true;
  return [...masks, ...lost, ...(isAmongOthers ? [] : places(facts))];
}

function reason(cause: Cause, weight: Weight): Reason {
  return { cause, weight };
}

/** Who is heard on our cable from an address that is in none of our networks has another mask, or we have. */
function wrongMask(
  { links, examination }: Facts,
  { others, nobody }: Situation,
): readonly Reason[] {
  const own = links.filter(({ kind }) => kind !== 'loopback').flatMap((link) => link.addresses);
  const near = new Set(
    others
      .filter(({ address }) => isInNetworks(own, address))
      .map(({ id, address }) => id ?? address),
  );
  const strange = others
    .filter(({ address, id }) => !isInNetworks(own, address) && !near.has(id ?? address))
    .map(({ address }) => address);
  const addresses = [...new Set([...strange, ...examination.offLink])];
  if (addresses.length === 0) return [];
  const isInTheWay = strange.length > 0 || nobody;
  return [reason({ code: 'wrong-mask', own, others: addresses }, isInTheWay ? 'blocks' : 'note')];
}

function silence({ neighbours }: Facts, isExplained: boolean, serving: boolean): readonly Reason[] {
  // Who serves and finds nobody else may be just the only server.
  const weight = serving ? 'note' : 'blocks';
  if (neighbours === null) {
    return isExplained ? [] : [reason({ code: 'no-server', machines: null }, weight)];
  }
  const { answers, machines, more, complete } = neighbours;
  if (answers.length > 0) return [reason({ code: 'broadcast-lost', servers: answers }, 'blocks')];
  const servers = machines.filter(({ tcp }) => tcp === 'lanpost').map(({ address }) => address);
  if (servers.length > 0) return [reason({ code: 'silent-servers', addresses: servers }, 'blocks')];
  if (isExplained) return [];
  const alive = machines.filter(isAlive);
  if (alive.length > 0) {
    return [reason({ code: 'no-server', machines: alive.length + more }, weight)];
  }
  if (!complete) return [reason({ code: 'no-server', machines: null }, weight)];
  return [reason({ code: 'kept-apart', silent: silentOf(neighbours) }, serving ? 'may' : 'blocks')];
}

/** Whoever refuses a connection is there; so is, of those that the system has found, whose firewall rejects it. */
function isAlive({ tcp }: Neighbour): boolean {
  return typeof tcp === 'string' || refusals.includes(tcp.code);
}

const refusals = ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'EHOSTDOWN'];

function silentOf({ machines }: NeighbourFacts): readonly string[] {
  return machines.map(({ address }) => address);
}

/** Places from which broadcasts usually do not get out. */
function places({ environment }: Facts): readonly Reason[] {
  return [
    ...(environment.wsl ? [reason({ code: 'wsl' }, 'blocks')] : []),
    ...(environment.container ? [reason({ code: 'container' }, 'may')] : []),
  ];
}
