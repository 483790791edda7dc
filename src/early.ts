import { helpText } from './command/help-text.js';
import type { Host } from './host.js';
import { columnsOn } from './view/wrap.js';

/**
 * Answers what needs neither settings nor state, so that it is there at once: this file and what it loads
 * stay few and light. False when there is more to do.
 */
export function answerEarly(
  words: readonly string[],
  { output, version }: Pick<Host, 'output' | 'version'>,
): boolean {
  const [first, second] = words;
  if (hasSwitch(words, '--version')) {
    output.write(`lanpost ${version()}\n`);
    return true;
  }
  if (second !== undefined || !['--help', '-h', 'help'].includes(first ?? '')) return false;
  output.write(helpText('one-shot', columnsOn(output)));
  return true;
}

/** Whether a switch was given; after `--` the same word is an argument. */
export function hasSwitch(words: readonly string[], name: string): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end === -1 ? undefined : end).includes(name);
}
