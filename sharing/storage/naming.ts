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

/** The same text for all names that are one to some system: they differ in this, if in anything. */
export function folded(name: string): string {
  return name.normalize('NFKC').toUpperCase().toLowerCase();
}

/** The last numbers that names got, so that the thousandth of one name is not tried under all numbers before. */
export interface TakenNumbers {
  /** The last number that the name got in that folder, if it is remembered. */
  last(folder: string, name: string): number | undefined;
  note(folder: string, name: string, n: number): void;
}

/** Names that are remembered at once. */
const mostNames = 10_000;

export function takenNumbers(): TakenNumbers {
  const numbers = new Map<string, number>();
  return {
    last: (folder, name) => numbers.get(`${folder} ${name}`),
    note(folder, name, n) {
      if (n < 2) return;
      if (numbers.size >= mostNames) numbers.clear();
      numbers.set(`${folder} ${name}`, n);
    },
  };
}

function split(name: string): { stem: string; end: string } {
  const at = name.search(extension);
  return at > 0 ? { stem: name.slice(0, at), end: name.slice(at) } : { stem: name, end: '' };
}
