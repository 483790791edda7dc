import { hostOfProcess } from '#src/process/process.js';
import { runProgram } from '#src/program.js';
import type { Host } from '#src/process/host.js';
import { dirname } from 'node:path';
import { PassThrough, Writable } from 'node:stream';
import { loopbackOnly } from './terminal-session.js';

/** The program while it runs in this process, on an input that stays open. */
export interface ProgramRun {
  readonly input: PassThrough;
  /** As Ctrl-C, or a request to end. */
  readonly interrupt: () => void;
  /** All that it has said on both outputs. */
  readonly said: () => string;
  readonly ended: Promise<number>;
}

export function runHere(
  words: readonly string[],
  { state, more = {} }: { readonly state: string; readonly more?: Partial<Host> },
): ProgramRun {
  const input = new PassThrough();
  const handlers = new Set<() => void>();
  let text = '';
  const screen = (): Writable =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        text += chunk.toString();
        done();
      },
    });
  const host: Host = {
    ...hostOfProcess(),
    input,
    output: screen(),
    error: screen(),
    environment: { LANPOST_HOME: state, LANPOST_MDNS: 'off' },
    workingFolder: dirname(state),
    interfaces: () => loopbackOnly,
    onInterrupt(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    ...more,
  };
  return {
    input,
    interrupt() {
      for (const handler of handlers) handler();
    },
    said: () => text,
    ended: runProgram(words, host),
  };
}
