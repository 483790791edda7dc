import { probeText } from './wire/probe.js';

const maxNameCharacters = 64;
const maxNameBytes = 128;

/**
 * Control, format, surrogate and private-use characters, line and paragraph separators, and what a
 * screen shows as nothing although Unicode counts it as something.
 */
const unshowable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** A reply whose first line began like this could be answered by the next responder. */
const probeLikeStart = new RegExp(`^(?:${probeText}\\s*)+`, 'u');

/**
 * The name as it may be announced and shown: NFC, one line, nothing invisible, 1 to 64 characters
 * and at most 128 bytes of UTF-8. Both sides apply it, and applying it twice changes nothing.
 * Source: PROTOCOL.md, Names.
 *
 * @returns null when nothing is left.
 */
export function cleanName(raw: string): string | null {
  // Spaces first: a tab parts two words, as a control character it would glue them together.
  const oneLine = raw.replace(/\s+/gu, ' ').replace(unshowable, '').normalize('NFC');
  const words = oneLine.replace(/\s+/gu, ' ').trim().replace(probeLikeStart, '');
  const name = shorten(words).trim();
  return name === '' ? null : name;
}

/** The name under which a server announces itself, whatever it is called. */
export function announcedName(raw: string): string {
  return cleanName(raw) ?? 'unnamed';
}

function shorten(text: string): string {
  let kept = '';
  let characters = 0;
  let bytes = 0;
  for (const character of text) {
    characters += 1;
    bytes += Buffer.byteLength(character);
    if (characters > maxNameCharacters || bytes > maxNameBytes) break;
    kept += character;
  }
  return kept;
}
