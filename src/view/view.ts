import type { Answer } from './answer.js';
import { jsonLine } from './json.js';
import { quote } from './quote.js';
import { statusLine, type StatusLine } from './status.js';
import { mayBeDrawnOver, plainStyle, sizeText, type Style } from './style.js';
import { failureLine, textLines } from './text.js';
import { columnsOn, wrappedHint } from './wrap.js';
import type { Writable } from 'node:stream';

/**
 * The rules of the screen: answers go to standard output, all else to standard error; an error is
 * `lanpost: ` and a sentence without capital or full stop, its hint on the next line; foreign text
 * passes through quote(); nothing is drawn over when standard error is no terminal, or a dumb one.
 */
export interface View {
  readonly quiet: boolean;
  readonly json: boolean;
  /** Somebody may look at a terminal that can be drawn over. */
  readonly isLive: boolean;
  /** An answer, on standard output; a failure, on standard error. `from` is the server that it is about, of several. */
  show(answer: Answer, from?: string): void;
  /** A code, which stands alone on standard output so that a script can take it. */
  showCode(code: string, expires: string): void;
  /** A remark on standard error; not with --quiet. */
  note(text: string): void;
  /** A trouble that ends nothing, in one sentence on standard error; with --quiet and --json too. */
  warn(text: string): void;
  /** A size as this view shows it, for lines that are made elsewhere. */
  readonly sizeText: (bytes: number) => string;
  /** A view of the same screen that draws answers so. */
  styled(wish: Partial<Pick<Style, 'bytes' | 'long'>>): View;
  /** Which streams get colours from now on; never with --json. */
  colorize(colored: Colored): void;
  /** Lets a prompt keep its line whole: every write to the screen goes through `frame`. */
  around(frame: ((write: () => void) => void) | undefined): void;
  /** False once nobody reads the answers any more, as `head` when it has enough. */
  isHeard(): boolean;
  /** The line that moves while something runs. */
  readonly status: StatusLine;
}

export interface Colored {
  readonly output: boolean;
  readonly error: boolean;
}

export interface ViewOptions {
  readonly output: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly error: Writable & {
    readonly isTTY?: boolean;
    readonly columns?: number;
    readonly rows?: number;
  };
  readonly json: boolean;
  readonly quiet: boolean;
  /** Sizes to the byte. */
  readonly bytes?: boolean;
  /** Tells what kind of terminal it is; without it, one that can be drawn over. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

export function createView(options: ViewOptions): View {
  const { output, error, json, quiet, bytes = false } = options;
  const drawsOver = mayBeDrawnOver(error, options.environment ?? {});
  const status = statusLine(error, { silent: quiet || json, drawsOver });
  let around = (write: () => void): void => {
    write();
  };
  let colored: Colored = { output: false, error: false };
  let heard = true;
  output.once('error', () => {
    heard = false;
  });

  function styleOf(stream: 'output' | 'error', wish: Style): Style {
    return { ...wish, color: colored[stream], columns: columnsOn(options[stream]) };
  }

  const styled = (wish: Style): View => ({
    quiet,
    json,
    isLive: drawsOver && !quiet && !json,
    status,
    show(answer, from) {
      status.clear();
      around(() => {
        const aside = isAside(answer);
        if (json) output.write(jsonLine(answer, from));
        else if (aside || isRemark(answer)) {
          if (aside || !quiet) error.write(textLines(answer, from, styleOf('error', wish)));
        } else if (!quiet || isAsked(answer)) {
          output.write(textLines(answer, from, styleOf('output', wish)));
        }
      });
    },
    showCode(code, expires) {
      status.clear();
      output.write(json ? jsonLine({ event: 'code', code, expires }) : `${quote(code)}\n`);
    },
    note(text) {
      if (quiet || json) return;
      status.clear();
      const { columns } = styleOf('error', wish);
      const lines = text.split('\n').flatMap((line) => wrappedHint(line, columns));
      around(() => error.write(`${lines.join('\n')}\n`));
    },
    warn(text) {
      status.clear();
      around(() => error.write(failureLine(text, styleOf('error', wish))));
    },
    sizeText: (size) => sizeText(size, wish),
    isHeard: () => heard,
    styled: (more) => styled({ ...wish, ...more }),
    colorize(wanted) {
      if (!json) colored = wanted;
    },
    around(frame) {
      around =
        frame ??
        ((write) => {
          write();
        });
    },
  });
  return styled({ ...plainStyle, bytes });
}

/** What is no answer, though a script wants to hear of it. */
function isAside({ event }: Answer): boolean {
  return event === 'failed' || event === 'unverified';
}

/** What a script hears as an event, and a person as a remark beside the answers. */
function isRemark({ event }: Answer): boolean {
  return ['left-out', 'unlisted', 'broken', 'back', 'summary'].includes(event);
}

/** What a command was asked for is printed even with --quiet; what only confirms is not. */
function isAsked({ event }: Answer): boolean {
  return [
    'server',
    'address',
    'entry',
    'setting',
    'peer',
    'pin',
    'partial',
    'service',
    'status',
    'client',
    'transfer',
    'code',
    'finding',
    'check',
    'help',
    'completion',
  ].includes(event);
}
