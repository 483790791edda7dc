import packageFile from '#package' with { type: 'json' };
import { fstatSync, writeFileSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** Standard output, whose width is known if it is a terminal. */
type Screen = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** What needs neither settings nor state, and is answered at once: this file and what it loads stay few and light. */
type EarlyQuestion = 'version' | 'help';

function earlyQuestion(words: readonly string[]): EarlyQuestion | undefined {
  const [first, second] = words;
  if (hasSwitch(words, '--version')) return 'version';
  return second === undefined && ['--help', '-h', 'help'].includes(first ?? '')
    ? 'help'
    : undefined;
}

async function earlyAnswer(
  question: EarlyQuestion,
  version: string,
  output: Pick<Screen, 'isTTY' | 'columns'>,
): Promise<string> {
  if (question === 'version') return `lanpost ${version}\n`;
  const [{ helpText }, { columnsOn }] = await Promise.all([
    import('./command/help-text.js'),
    import('./view/wrap.js'),
  ]);
  return helpText('one-shot', columnsOn(output));
}

/** False when there is more to do. */
export async function answerEarly(
  words: readonly string[],
  { output, version }: { readonly output: Screen; readonly version: () => string },
): Promise<boolean> {
  const question = earlyQuestion(words);
  if (!question) return false;
  output.write(await earlyAnswer(question, version(), output));
  return true;
}

/**
 * The same without the streams of the process, but for that of a terminal: they take longer to make than the answer. False too
 * when that does not go: then it is said in the usual way, or why it cannot be.
 */
export async function answerWithoutStreams(words: readonly string[]): Promise<boolean> {
  const question = earlyQuestion(words);
  if (!question) return false;
  try {
    // Only the stream of a terminal knows how wide it is.
    const screen = question === 'help' && fstatSync(1).isCharacterDevice() ? process.stdout : {};
    writeFileSync(1, await earlyAnswer(question, packageVersion(), screen));
    return true;
  } catch {
    return false;
  }
}

/** Of the package that this program came in. */
export function packageVersion(): string {
  return packageFile.version;
}

/** Whether a switch was given; after `--` the same word is an argument. */
export function hasSwitch(words: readonly string[], name: string): boolean {
  const end = words.indexOf('--');
  return words.slice(0, end === -1 ? undefined : end).includes(name);
}
