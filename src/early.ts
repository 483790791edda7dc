import type { Writable } from 'node:stream';

/** Standard output, whose width is known if it is a terminal. */
type Screen = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/**
 * Answers what needs neither settings nor state, so that it is there at once: this file and what it loads
 * stay few and light. False when there is more to do.
 */
export async function answerEarly(
  words: readonly string[],
  { output, version }: { readonly output: Screen; readonly version: () => string },
): Promise<boolean> {
  const [first, second] = words;
  if (hasSwitch(words, '--version')) {
    output.write(`lanpost ${version()}\n`);
    return true;
  }
  if (second !== undefined || !['--help', '-h', 'help'].includes(first ?? '')) return false;
  const [{ helpText }, { columnsOn }] = await Promise.all([
    import('./command/help-text.js'),
    import('./view/wrap.js'),
  ]);
  output.write(helpText('one-shot', columnsOn(output)));
  return true;
}

/** Whether a switch was given; after `--` the same word is an argument. */
export function hasSwitch(words: readonly string[], name: string): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end === -1 ? undefined : end).includes(name);
}
