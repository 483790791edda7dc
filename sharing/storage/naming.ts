import { safeName, type SafeName } from '#sharing/storage/path.js';

/** Most numbers that are tried before a name counts as unusable. */
export const maxNumber = 10_000;

// ".tar.gz" stays together, so that "a (2).tar.gz" is still recognised as what it is.
const extension = /(?:\.tar)?\.[^.]+$/;

/**
 * The `n`th name for the same thing: "report.pdf", "report (2).pdf", "report (3).pdf". Throws
 * SharingError `name-too-long`.
 */
export function numbered(name: SafeName, n: number): SafeName {
  if (n < 2) return name;
  const { stem, end } = split(name);
  return safeName(`${stem} (${n})${end}`);
}

/** True for `name` itself and for every name that `numbered` makes of it. */
export function isSibling(name: SafeName, other: string): boolean {
  if (other === name) return true;
  const { stem, end } = split(name);
  if (!other.startsWith(`${stem} (`) || !other.endsWith(`)${end}`)) return false;
  const number = other.slice(stem.length + 2, other.length - end.length - 1);
  return /^[1-9][0-9]{0,4}$/.test(number) && Number(number) >= 2;
}

function split(name: string): { stem: string; end: string } {
  const at = name.search(extension);
  return at > 0 ? { stem: name.slice(0, at), end: name.slice(at) } : { stem: name, end: '' };
}
