import type { SharingEvent } from '#sharing/events.js';
import type { SizeText } from '#src/failure-words.js';
import { leftWords, namesText, rightsWords, sharingWords } from '#src/log/log-words.js';
import { durationText } from '#src/view/format.js';
import { quote } from '#src/view/quote.js';
import { whoFully } from '#src/view/who.js';

/** A line for who looks at the server's terminal, and the kind that it counts as; always shown without one. */
export interface ServingLine {
  readonly text: string;
  readonly kind?: 'people' | 'files' | 'trouble';
}

/**
 * An event as a line of the terminal; undefined for what only the log has: lists, what was there already, who was
 * turned away at the door. `who` tells of a session whose it is, `sizeText` how a size is shown.
 */
export function servingLine(
  event: SharingEvent,
  who: (session: number) => string,
  sizeText: SizeText,
): ServingLine | undefined {
  switch (event.event) {
    case 'client-in':
      return { kind: 'people', text: joined(event) };
    case 'client-rights':
      return { kind: 'people', text: rightsWords(who(event.session), event) };
    case 'client-out':
      return { kind: 'people', text: leftWords(who(event.session), event) };
    case 'file-out': {
      const what = moved(event.path, sizeText(event.size), event.took);
      return { kind: 'files', text: `${who(event.session)} got ${what}` };
    }
    case 'file-in': {
      const what = moved(event.as, sizeText(event.size), event.took);
      return { kind: 'files', text: `${who(event.session)} brought ${what}` };
    }
    case 'many-out':
    case 'many-in':
      return { kind: 'files', text: manyMoved(event, who(event.session), sizeText) };
    case 'file-failed':
      return {
        kind: 'trouble',
        text: `${who(event.session)}: ${sharingWords(event)}`,
      };
    case 'client-refused':
      return { kind: 'trouble', text: sharingWords(event) };
    case 'paired':
    case 'partials-removed':
    case 'fault':
      return { text: sharingWords(event) };
    case 'listening':
    case 'listed':
    case 'file-same':
    case 'turned-away':
    case 'client-asked':
    case 'client-gone':
      return undefined;
  }
}

function joined(client: Extract<SharingEvent, { event: 'client-in' }>): string {
  const { address, as, rights } = client;
  const may = as === 'owner' ? 'the owner' : rights.join(', ') || 'no rights';
  return `${whoFully(client)} joined  ${quote(address)}  (${may})`;
}

function moved(name: string, size: string, took: number): string {
  return `${quote(name)}  ${size}${inTime(took)}`;
}

function manyMoved(
  moved: Extract<SharingEvent, { event: 'many-out' | 'many-in' }>,
  who: string,
  sizeText: SizeText,
): string {
  const { event, files, bytes, failed, took } = moved;
  const verb = event === 'many-out' ? 'got' : 'brought';
  const count = `${files} file${files === 1 ? '' : 's'}`;
  const bad = failed > 0 ? `, ${failed} FAILED` : '';
  return `${who} ${verb} ${namesText(moved)}  ${count}${bad}  ${sizeText(bytes)}${inTime(took)}`;
}

/** What is over in a blink needs no time. */
function inTime(took: number): string {
  return took < 1000 ? '' : ` in ${durationText(took)}`;
}
