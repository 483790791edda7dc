import { ProgramError } from './failure.js';
import { quote } from './view/quote.js';

const known = ['read', 'write', 'replace'] as const;
export type Right = (typeof known)[number];

/** The rights in a word such as `read,write`; `none` is none. Throws ProgramError `usage`. */
export function rightsOf(word: string): readonly Right[] {
  if (word === 'none' || word === '') return [];
  return word.split(',').map((part) => {
    const right = known.find((one) => one === part.trim());
    if (right) return right;
    throw new ProgramError(
      'usage',
      `"${quote(part)}" is no right`,
      'read, write, replace or none, such as read,write',
    );
  });
}
