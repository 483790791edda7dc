import type { Answer } from './answer.js';
import { jsonLine } from './json.js';
import { statusLine, type StatusLine } from './status.js';
import { textLines } from './text.js';
import type { Writable } from 'node:stream';

/**
 * The rules of the screen: answers go to standard output, all else to standard error; an error is
 * `lanpost: ` and a sentence without capital or full stop, its hint on the next line; foreign text
 * passes through quote(); nothing is drawn over when standard error is not a terminal.
 */
export interface View {
  readonly quiet: boolean;
  /** An answer, on standard output; a failure, on standard error. */
  show(answer: Answer): void;
  /** A remark on standard error; not with --quiet. */
  note(text: string): void;
  /** The line that moves while something runs. */
  readonly status: StatusLine;
}

export interface ViewOptions {
  readonly output: Writable;
  readonly error: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly json: boolean;
  readonly quiet: boolean;
}

export function createView({ output, error, json, quiet }: ViewOptions): View {
  const status = statusLine(error, quiet || json);
  return {
    quiet,
    status,
    show(answer) {
      status.clear();
      if (json) output.write(jsonLine(answer));
      else if (answer.event === 'failed') error.write(textLines(answer));
      else if (!quiet || isAsked(answer)) output.write(textLines(answer));
    },
    note(text) {
      if (quiet || json) return;
      status.clear();
      error.write(`${text}\n`);
    },
  };
}

/** What a command was asked for is printed even with --quiet; what only confirms is not. */
function isAsked({ event }: Answer): boolean {
  return ['server', 'address', 'entry', 'setting', 'help'].includes(event);
}
