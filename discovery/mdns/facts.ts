import {
  decodeFacts,
  protocolVersion,
  type Announcement,
  type DecodedReply,
} from '#discovery/wire/announcement.js';
import { announcedName } from '#discovery/name.js';
import { maxLabelBytes } from './service.js';

/** Room for the ` (99)` that a responder appends to a name that is taken. */
const numberBytes = 6;

/** What stands in the TXT record, each value far below the 255 bytes of one string. */
export type Facts = Readonly<Record<'v' | 'id' | 'run' | 'code' | 'n', string>>;

/** Source: PROTOCOL.md, mDNS. */
export function encodeFacts({ id, run, name, code }: Announcement): Facts {
  const n = announcedName(name);
  return { v: String(protocolVersion), id, run, code: code ? '1' : '0', n };
}

/** The same as in a reply to a probe, judged by the same rules; the port comes from the SRV record. */
export function announcementOf(facts: ReadonlyMap<string, string>, port: number): DecodedReply {
  const code = { '0': false, '1': true }[facts.get('code') ?? ''];
  return decodeFacts({
    svc: 'lanpost',
    v: Number(facts.get('v')),
    id: facts.get('id'),
    run: facts.get('run'),
    name: facts.get('n'),
    port,
    code,
  });
}

/**
 * The name under which a server is listed, one label: no dots, for the announcing library takes them
 * for the ends of labels, and short enough to be numbered. The whole name stands in the facts.
 */
export function instanceName(name: string): string {
  const plain = announcedName(name).replaceAll('.', '-');
  let kept = '';
  for (const character of plain) {
    if (Buffer.byteLength(kept + character) > maxLabelBytes - numberBytes) break;
    kept += character;
  }
  return kept.trim();
}
