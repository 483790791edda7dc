import { parseSymbols } from '#sharing/id.js';

/** Symbols of a code; 40 bits. */
const codeLength = 8;

/** Reads a code as people type it: case, blanks and dashes do not matter, nor O for 0, I and L for 1. */
export function parseCode(typed: string): string | undefined {
  const symbols = parseSymbols(typed);
  return symbols?.length === codeLength ? symbols : undefined;
}

/** A code as the screen shows it: `K7QF-3M2X`. */
export function codeText(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}
