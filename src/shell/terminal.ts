import { SharingError } from '#sharing/errors.js';
import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import type { View } from '#src/view/view.js';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Completion } from './complete.js';
import { runLine } from './line.js';
import { lineQueue, type LineQueue } from './line-queue.js';
import { tabCompleter } from './tab.js';

export interface TerminalOptions {
  readonly input: Readable;
  readonly output: Writable;
  readonly view: View;
  /** The terminal obeys control sequences. */
  readonly drawsOver: boolean;
  /** Ends the shell from outside. */
  readonly quit: AbortSignal;
  /** Makes what one line needs; `signal` ends it, `ask` asks through the same line editor. */
  readonly contextFor: (parts: {
    readonly signal: AbortSignal;
    readonly ask: (question: string) => Promise<string>;
  }) => Context;
  readonly promptText: () => string;
  readonly isLeaving: () => boolean;
  /** What would end with the prompt, if anything would. */
  readonly stillRuns: () => string | undefined;
  /** The prompt is over. */
  readonly onLeave: () => void;
  readonly history: readonly string[];
  /** Told of each line that is no answer to a question. */
  readonly onLine: (line: string) => void;
  /** What Tab offers for the line up to the cursor. */
  readonly complete: (line: string) => Promise<Completion | undefined>;
}

const historySize = 500;

/**
 * The prompt: reads lines until Ctrl-D or `bye` without a session; where something runs beside it, until the second
 * Ctrl-D in a row. Ctrl-C ends what runs, never the shell, and Ctrl-D at a question only that. Lines that are typed
 * ahead or pasted run one after the other.
 */
export async function runTerminal(options: TerminalOptions): Promise<ExitCode> {
  const { input, view, quit } = options;
  let history = options.history;
  let isWarned = false;
  try {
    for (;;) {
      const prompted = await promptUntilEnd({ ...options, history });
      ({ history } = prompted);
      const isGone = input.readableEnded || input.destroyed || quit.aborted;
      if (prompted.isAtQuestion && !isGone) continue;
      const running = options.stillRuns();
      if (!prompted.isCtrlD || isGone || running === undefined) break;
      if (isWarned && !prompted.hasRun) break;
      isWarned = true;
      options.output.write('\n');
      view.note(`${running}; Ctrl-D again leaves all the same`);
    }
  } finally {
    options.onLeave();
  }
  options.output.write('\n');
  return exitCodes.done;
}

/** How a line editor ended, and what it leaves to the next. */
interface Prompted {
  readonly isCtrlD: boolean;
  /** It was the answer to a question. */
  readonly isAtQuestion: boolean;
  /** A line was run. */
  readonly hasRun: boolean;
  readonly history: readonly string[];
}

async function promptUntilEnd(options: TerminalOptions): Promise<Prompted> {
  const { input, output, view, quit, promptText } = options;
  let history = options.history;
  let hasRun = false;
  let asking = false;
  let running = false;
  let isClosed = false;
  let isAtQuestion = false;
  /** What was being typed when a question came. */
  let setAside = '';
  const lines = createInterface({
    input,
    // What is typed while something runs would stand in the line that moves; it is shown when its turn comes.
    output: heldBack(output, () => running && !asking),
    terminal: true,
    historySize,
    history: [...options.history],
    removeHistoryDuplicates: true,
    completer: tabCompleter({
      complete: options.complete,
      isFree: () => typed.isWaiting() && !asking,
      isOver: () => isClosed,
    }),
  });
  lines.once('close', () => {
    isClosed = true;
    isAtQuestion = asking;
  });
  lines.on('history', (kept: string[]) => {
    // The answer to a question is nobody's business later; it may be a code.
    if (asking) kept.shift();
    else options.onLine(kept[0] ?? '');
    history = kept;
  });
  const typed = lineQueue(lines);
  quit.addEventListener(
    'abort',
    () => {
      lines.close();
    },
    { once: true },
  );

  function key(name: 'a' | 'e' | 'u'): void {
    lines.write(null, { ctrl: true, name });
  }

  function clearLine(): void {
    key('e');
    key('u');
  }

  function prompt(): void {
    lines.setPrompt(promptText());
    lines.prompt(true);
    if (setAside === '') return;
    key('a');
    lines.write(setAside);
    key('e');
    setAside = '';
  }

  /** A line that was typed ahead is shown again where it runs, as a shell does. */
  function promptOrEcho(): void {
    const ahead = typed.ahead();
    if (ahead !== undefined) output.write(`${promptText()}${ahead}\n`);
    // A prompt would read on from a terminal that was let go of.
    else if (!isClosed) prompt();
  }

  // After Ctrl-Z and fg: Node has taken the terminal back, but does not read from it again by itself.
  lines.on('SIGCONT', () => {
    if (isClosed) return;
    lines.resume();
    if (typed.isWaiting()) lines.prompt(true);
  });

  /** A remark that comes while somebody types goes above what is being typed: control sequences CUU and ED of ECMA-48. */
  view.around((write) => {
    if (!typed.isWaiting()) {
      write();
      return;
    }
    const rows = options.drawsOver ? lines.getCursorPos().rows : 0;
    const up = rows > 0 ? `\u001b[${rows}A` : '';
    output.write(options.drawsOver ? `${up}\r\u001b[J` : '\n');
    write();
    // The line editor goes up again before it draws.
    output.write('\n'.repeat(rows));
    if (asking) lines.prompt(true);
    else prompt();
  });

  /**
   * Nothing that was typed before a question can be meant as its answer; Ctrl-D and a terminal that is over answer nothing.
   * Rejects with SharingError `cancelled` after Ctrl-C, and when the shell is to end.
   */
  async function ask(question: string): Promise<string> {
    if (isClosed) return '';
    asking = true;
    try {
      lines.setPrompt(question);
      if (lines.line !== '') {
        setAside += lines.line;
        clearLine();
      }
      lines.prompt();
      const answer = await typed.answer();
      if (answer.kind === 'line') return answer.line;
      if (answer.kind === 'interrupt' && lines.line !== '') clearLine();
      // The question stands in a line that nobody has ended.
      output.write('\n');
      if (answer.kind === 'interrupt' || quit.aborted) {
        throw new SharingError('cancelled', 'interrupted');
      }
      return '';
    } finally {
      asking = false;
    }
  }

  try {
    while (!options.isLeaving()) {
      promptOrEcho();
      const next = await typed.next();
      if (next.kind === 'end') return { isCtrlD: true, isAtQuestion, hasRun, history };
      if (next.kind === 'line') {
        hasRun = true;
        running = true;
        try {
          await runOne(options, typed, ask, next.line);
        } finally {
          running = false;
        }
      } else {
        clearLine();
        output.write('\n(bye or Ctrl-D leaves)\n');
      }
    }
    return { isCtrlD: false, isAtQuestion, hasRun, history };
  } finally {
    view.around(undefined);
    lines.close();
  }
}

/** The same terminal, which takes nothing while `isHeld`. */
function heldBack(output: Writable, isHeld: () => boolean): Writable {
  const write = (...words: Parameters<Writable['write']>): boolean =>
    isHeld() ? true : output.write(...words);
  return new Proxy(output, {
    get(target, key) {
      if (key === 'write') return write;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
    },
  });
}

async function runOne(
  { contextFor, quit }: TerminalOptions,
  typed: LineQueue,
  ask: (question: string) => Promise<string>,
  line: string,
): Promise<void> {
  const stop = new AbortController();
  const release = typed.onInterrupt(() => {
    stop.abort();
  });
  try {
    await runLine(contextFor({ signal: AbortSignal.any([stop.signal, quit]), ask }), line);
  } finally {
    release();
  }
}
