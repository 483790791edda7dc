import { parseCommandLine } from './arguments.js';
import { openBase, type Base } from './base.js';
import type { Call, Command } from './command/command.js';
import { helpText, verbHelp } from './command/help-text.js';
import { answerEarly, hasSwitch } from './early.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { Host } from './process/host.js';
import { tell } from './tell.js';
import { statePlace } from './process/state-place.js';
import { createView } from './view/view.js';
import { columnsOn } from './view/wrap.js';

/** The whole program: words in, exit code out. It never throws and never ends the process. */
export async function runProgram(words: readonly string[], host: Host): Promise<ExitCode> {
  if (await answerEarly(words, host)) return exitCodes.done;
  const { output, error, environment } = host;
  const screen = { output, error, environment };
  let view = createView({ ...screen, json: hasSwitch(words, '--json'), quiet: false });
  let base: Base | undefined;
  try {
    const line = parseCommandLine(words);
    const { command, call, json, quiet, bytes } = line;
    view = createView({ ...screen, json, quiet, bytes });
    const columns = json ? Infinity : columnsOn(output);
    if (line.help) {
      const text = command ? verbHelp(command, columns) : helpText('one-shot', columns);
      view.show({ event: 'help', text });
      return exitCodes.done;
    }
    if (command?.loadPlain) {
      const { run } = await command.loadPlain();
      const stateFolder = placeOf(host);
      const { version } = host;
      return await run({ view, columns, version, stateFolder, atPrompt: false }, call);
    }
    base = await openBase(host, line, view);
    return await (command ? runOnce(host, base, command, call) : runShell(host, base));
  } catch (problem) {
    const noteFault = (error: unknown): Promise<void> =>
      base?.noteFault(error) ?? Promise.resolve();
    return await tell({ view, noteFault, atPrompt: false }, null, problem);
  } finally {
    view.status.clear();
    await base?.close();
  }
}

/** For verbs that have no use for settings. */
function placeOf(host: Host): string | undefined {
  try {
    return statePlace(host);
  } catch {
    return undefined;
  }
}

/** One verb with its words; Ctrl-C ends it. */
async function runOnce(host: Host, base: Base, command: Command, call: Call): Promise<ExitCode> {
  const stop = new AbortController();
  const release = host.onInterrupt(() => {
    stop.abort();
  });
  try {
    const { run } = await command.load();
    const mayAsk = host.input.isTTY === true && host.error.isTTY === true;
    const ask = mayAsk
      ? (await import('./shell/ask.js')).askOnce(host.input, host.error, stop.signal)
      : undefined;
    return await run(base.context({ atPrompt: false, signal: stop.signal, ask }), call);
  } finally {
    release();
  }
}

/** The prompt on a terminal, else the commands on standard input. */
async function runShell(host: Host, base: Base): Promise<ExitCode> {
  const { runShell: start } = await import('./shell/shell.js');
  return start(host, base);
}
