import packet, { type Answer } from 'dns-packet';
import { encodeFacts } from '#discovery/mdns/facts.js';
import type { Announcement } from '#discovery/wire/announcement.js';
import { announcement } from '../loopback.js';

const type = '_lanpost._tcp.local';

/** One answer message. */
export function answer(answers: readonly Answer[], additionals: readonly Answer[] = []): Buffer {
  return packet.encode({ type: 'response', answers: [...answers], additionals: [...additionals] });
}

export function pointer(instance = 'Amber', ttl = 120): Answer {
  return { type: 'PTR', name: type, ttl, data: `${instance}.${type}` };
}

export function place(instance = 'Amber', host = 'host.local', port = 30001): Answer {
  return { type: 'SRV', name: `${instance}.${type}`, ttl: 120, data: { target: host, port } };
}

/** As it is announced, each fact changed by `change`. */
export function facts(
  changes: Partial<Announcement> = {},
  instance = 'Amber',
  change: (text: string) => string = (text) => text,
): Answer {
  const strings = Object.entries(encodeFacts(announcement(changes)));
  const data = strings.map(([key, value]) => change(`${key}=${value}`));
  return { type: 'TXT', name: `${instance}.${type}`, ttl: 120, data };
}

export function address(ip: string, host = 'host.local', flush = false, ttl = 120): Answer {
  return { type: ip.includes(':') ? 'AAAA' : 'A', name: host, ttl, flush, data: ip };
}

/** All that a server says of itself. */
export function whole(ip: string, changes: Partial<Announcement> = {}): Buffer {
  const { port } = announcement(changes);
  return answer([pointer()], [place('Amber', 'host.local', port), facts(changes), address(ip)]);
}
