import { wantedAt, type Candidate, type Sources } from './candidates.js';
import { dangerous, quote } from '#src/view/quote.js';
import { readWords, writtenIn, type OpenWord } from './words.js';

/** What can stand at the end of a line. */
export interface Completion {
  /** The end of the line that gives way to `text`. */
  readonly replaced: string;
  /** As much as all candidates have in common, with a blank behind it when there is only one that nothing can follow. */
  readonly text: string;
  /** All candidates, fit for a screen; for paths their last names. */
  readonly shown: readonly string[];
}

/** Candidates that are shown at once, at most. */
const maxShown = 200;

/** What can stand at the end of a line at the prompt, up to the cursor; undefined when nothing is known. */
export async function complete(
  line: string,
  sources: Sources,
  platform: NodeJS.Platform,
): Promise<Completion | undefined> {
  const { words, last } = readWords(line, platform);
  const typed: OpenWord = last ?? {
    value: '',
    from: line.length,
    quoted: undefined,
    isStuck: false,
  };
  const { before, candidates, cut } = await wantedAt(words, typed.value, sources, platform);
  const rest = typed.value.slice(before.length);
  const fitting = fittingOf(candidates, rest);
  if (fitting.length === 0) return undefined;
  const [only, second] = fitting;
  const isOnly = only !== undefined && second === undefined && !cut;
  const common = safePart(commonStart(fitting.map(({ value }) => value)));
  const isWhole = isOnly && common === only.value;
  const shown = fitting
    .slice(0, maxShown)
    .map(({ value, ending }) => quote(value + (ending === ' ' ? '' : ending)));
  const more = fitting.length - shown.length;
  return {
    ...writtenAt(line, typed, {
      rest,
      common: common.length < rest.length ? rest : common,
      ending: isWhole ? only.ending : undefined,
    }),
    shown: [...shown, ...(more > 0 ? [`... and ${more} more`] : cut ? ['...'] : [])],
  };
}

/** Those that begin as it was typed; else, those that do but for case. */
function fittingOf(candidates: readonly Candidate[], typed: string): readonly Candidate[] {
  const byValue = new Map(candidates.map((one) => [one.value, one]));
  const all = [...byValue.values()].sort((a, b) => (a.value < b.value ? -1 : 1));
  const exact = all.filter(({ value }) => value.startsWith(typed));
  if (exact.length > 0) return exact;
  const low = typed.toLowerCase();
  return all.filter(({ value }) => value.toLowerCase().startsWith(low));
}

/** What all begin with, by whole characters. */
function commonStart(values: readonly string[]): string {
  const [first = '', ...others] = values;
  let length = 0;
  for (const character of first) {
    const until = length + character.length;
    if (!others.every((other) => other.startsWith(character, length))) break;
    length = until;
  }
  return first.slice(0, length);
}

/** Nothing that a terminal would obey is ever put into the line. */
function safePart(text: string): string {
  const at = text.search(dangerous);
  return at < 0 ? text : text.slice(0, at);
}

/** The end of the line as it becomes: an open quote goes on, a name that is whole closes it. */
function writtenAt(
  line: string,
  typed: OpenWord,
  {
    rest,
    common,
    ending,
  }: {
    readonly rest: string;
    readonly common: string;
    readonly ending: Candidate['ending'] | undefined;
  },
): Pick<Completion, 'replaced' | 'text'> {
  const goesOn = common.startsWith(rest) && !typed.isStuck;
  const { quoted } = typed;
  const close = ending === ' ' && quoted !== undefined ? quoted : '';
  const tail = `${close}${ending ?? ''}`;
  const ends = ending === ' ';
  if (goesOn) {
    const part = { begins: typed.value === '', ends };
    return { replaced: '', text: writtenIn(quoted, common.slice(rest.length), part) + tail };
  }
  const head = typed.value.slice(0, typed.value.length - rest.length);
  return {
    replaced: line.slice(typed.from),
    text: (quoted ?? '') + writtenIn(quoted, head + common, { begins: true, ends }) + tail,
  };
}
