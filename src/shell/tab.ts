import type { AsyncCompleter, CompleterResult } from 'node:readline';
import type { Completion } from './complete.js';

export interface TabOptions {
  readonly complete: (line: string) => Promise<Completion | undefined>;
  /** False while something runs or asks. */
  readonly isFree: () => boolean;
  /** The line editor is closed, and must not be woken. */
  readonly isOver: () => boolean;
}

/** What readline calls for Tab; failing offers nothing. */
export function tabCompleter({ complete, isFree, isOver }: TabOptions): AsyncCompleter {
  return (line, done) => {
    const answer = (found: Completion | undefined): void => {
      if (!isOver()) done(null, answerOf(found));
    };
    if (!isFree()) {
      answer(undefined);
      return;
    }
    complete(line).then(answer, () => {
      answer(undefined);
    });
  };
}

/**
 * In the words of readline: one candidate, which takes the place of the end of the line; or what is listed at the second
 * Tab, which it does when the end that it is told begins as all candidates do.
 */
function answerOf(found: Completion | undefined): CompleterResult {
  if (!found) return [[], ''];
  if (found.text !== found.replaced) return [[found.text], found.replaced];
  return [[...found.shown], found.shown[0] ?? ''];
}
