import type { DiscoveryEvent } from '#discovery/events.js';
import { SharingError } from '#sharing/errors.js';
import type { SharingEvent } from '#sharing/events.js';
import { explain } from '#src/failure.js';
import { quote } from '#src/view/quote.js';

/** What a server tells of itself, as a sentence for its owner. */
export function sharingWords(event: SharingEvent): string {
  switch (event.event) {
    case 'listening':
      return `sharing on TCP port ${event.port}`;
    case 'turned-away':
      return `turned away ${quote(event.address)}: ${event.reason}`;
    case 'client-in':
      return `${quote(event.name)} (${quote(event.address)}) came in as ${event.as}`;
    case 'client-refused':
      return `${quote(event.address)} was refused: ${quote(event.message)}`;
    case 'client-asked':
      return `${quote(event.address)} is asked for the code`;
    case 'client-gone':
      return `${quote(event.address)} hung up before it came in`;
    case 'client-rights':
      return rightsWords(quote(event.name), event);
    case 'client-out':
      return leftWords(quote(event.name), event);
    case 'paired':
      return `paired with ${quote(event.peer)}`;
    case 'listed':
      return `listed ${quote(event.path) || 'the share'}`;
    case 'file-out':
      return `sent ${quote(event.path)}`;
    case 'file-in':
      return `received ${quote(event.as)}`;
    case 'file-same':
      return `${quote(event.path)} is there already`;
    case 'many-out':
    case 'many-in': {
      const verb = event.event === 'many-out' ? 'sent' : 'received';
      return `${verb} ${event.files} files of ${namesText(event)}, ${event.failed} failed`;
    }
    case 'file-failed':
      return `${quote(event.path)}: ${explain(new SharingError(event.code, event.message, event.facts)).message}`;
    case 'partials-removed':
      return `removed ${event.count} old partial files`;
    case 'fault':
      return `a fault in ${event.where}: ${quote(event.error.message)}`;
  }
}

/** Several things by the first of them. */
export function namesText({ path, further }: { path: string; further: number }): string {
  return further === 0 ? quote(path) : `${quote(path)} and ${further} more`;
}

/** How somebody left; what the client was told is turned to the owner. */
export function leftWords(
  who: string,
  { code, message }: Extract<SharingEvent, { event: 'client-out' }>,
): string {
  if (code === 'bye') return `${who} left`;
  return `${who} left: ${code === 'no-right' ? 'its rights were changed' : quote(message)}`;
}

/** What somebody may do from now on. */
export function rightsWords(
  who: string,
  { rights }: Extract<SharingEvent, { event: 'client-rights' }>,
): string {
  return `${who} now has the rights ${rights.join(', ')}`;
}

/** IPv6 is one more way: without it everything works that worked without. */
export function isTrouble(event: DiscoveryEvent): boolean {
  if (event.kind === 'mdns-failed') return true;
  if (event.kind !== 'port-taken' && event.kind !== 'socket-failed') return false;
  return !event.address.includes(':');
}

/** The same of how it is found. */
export function discoveryWords(event: DiscoveryEvent): string {
  switch (event.kind) {
    case 'port-taken':
      return `UDP port ${event.port} is used by another program: this server does not answer there`;
    case 'socket-failed':
      return `a discovery socket failed: ${event.code}`;
    case 'mdns-announced':
      return `announced by mDNS as ${quote(event.name)}`;
    case 'mdns-failed':
      return `announcing by mDNS failed: ${quote(event.reason)}`;
    default:
      return event.kind;
  }
}
