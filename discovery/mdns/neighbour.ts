import { isIP } from 'node:net';
import type { Announcement } from '#discovery/wire/announcement.js';
import { announcementOf } from './facts.js';
import type { ServiceRecord } from './message.js';
import type { Question } from './question.js';
import { serviceLabels } from './service.js';

/** A server as one source announces it; nothing in it is proven. */
export interface Hit {
  readonly announcement: Announcement;
  /** It speaks a higher version than ours. */
  readonly newer: boolean;
  readonly addresses: readonly string[];
}

/** What one source of answers has said so far. Sources do not complete one another: none can speak for another. */
export interface Neighbour {
  take(records: readonly ServiceRecord[]): void;
  /** The servers of which everything is known. */
  hits(): readonly Hit[];
  /** What is missing, each asked for once. */
  missing(): readonly Question[];
}

/** As many servers as one address may have in a scan (PROTOCOL.md, Limits). */
const maxInstances = 8;
const maxHosts = 8;
const maxAddresses = 8;
const maxQuestions = 32;

interface Instance {
  readonly label: string;
  place?: { readonly host: string; readonly port: number };
  facts?: ReadonlyMap<string, string>;
}

/** Pure: puts records of one or several messages together, within bounds. Source: PROTOCOL.md, mDNS. */
export function createNeighbour(): Neighbour {
  const instances = new Map<string, Instance>();
  const hosts = new Map<string, Set<string>>();
  const asked = new Set<string>();

  function take(records: readonly ServiceRecord[]): void {
    const flushed = new Set<string>();
    for (const record of records) {
      if (record.kind === 'address') takeAddress(record, flushed);
      else takeInstance(record);
    }
  }

  function takeInstance(record: Exclude<ServiceRecord, { kind: 'address' }>): void {
    const key = record.instance.toLowerCase();
    if (record.gone) {
      if (record.kind === 'pointer') instances.delete(key);
      return;
    }
    const instance = instances.get(key) ?? { label: record.instance };
    if (!instances.has(key) && instances.size >= maxInstances) return;
    instances.set(key, instance);
    if (record.kind === 'place') instance.place = { host: record.host, port: record.port };
    if (record.kind === 'facts') instance.facts = record.facts;
  }

  function takeAddress(
    { host, address, gone, flush }: Extract<ServiceRecord, { kind: 'address' }>,
    flushed: Set<string>,
  ): void {
    const addresses = hosts.get(host) ?? new Set();
    if (!hosts.has(host) && hosts.size >= maxHosts) return;
    hosts.set(host, addresses);
    // What one message says of a host takes the place of what was said before, once for each family.
    const family = isIP(address);
    const kind = `${family} ${host}`;
    if (flush && !flushed.has(kind)) {
      for (const earlier of addresses) if (isIP(earlier) === family) addresses.delete(earlier);
    }
    if (flush) flushed.add(kind);
    if (gone) addresses.delete(address);
    else if (addresses.size < maxAddresses) addresses.add(address);
  }

  function hitOf({ place, facts }: Instance): Hit[] {
    const addresses = [...(hosts.get(place?.host ?? '') ?? [])];
    if (place === undefined || facts === undefined || addresses.length === 0) return [];
    const read = announcementOf(facts, place.port);
    if (read.kind !== 'announcement') return [];
    return [{ announcement: read.announcement, newer: read.newer, addresses }];
  }

  function missingOf({ label, place, facts }: Instance): Question[] {
    const labels = [label, ...serviceLabels];
    if (place === undefined || facts === undefined) {
      return [
        { labels, type: 'SRV' },
        { labels, type: 'TXT' },
      ];
    }
    if ((hosts.get(place.host)?.size ?? 0) > 0) return [];
    return [{ labels: place.host.split('.'), type: 'A' }];
  }

  function isNew({ labels, type }: Question): boolean {
    const key = JSON.stringify([type, ...labels]);
    if (asked.has(key) || asked.size >= maxQuestions) return false;
    asked.add(key);
    return true;
  }

  return {
    take,
    hits: () => [...instances.values()].flatMap(hitOf),
    missing: () => [...instances.values()].flatMap(missingOf).filter(isNew),
  };
}
