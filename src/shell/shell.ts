import type { Base } from '#src/base.js';
import type { Memory } from '#src/context.js';
import type { ExitCode } from '#src/exit-codes.js';
import type { Host } from '#src/process/host.js';
import { cutTo } from '#src/view/columns.js';
import { quote } from '#src/view/quote.js';
import { mayBeDrawnOver } from '#src/view/style.js';
import { complete } from './complete.js';
import { keepLine, readHistory } from './history.js';
import { nameSources } from './name-sources.js';
import { runScript } from './script.js';
import { runTerminal } from './terminal.js';

/** The shell: a prompt on a terminal, else the commands that come on standard input. */
export async function runShell(host: Host, base: Base): Promise<ExitCode> {
  const quit = new AbortController();
  const release = host.onInterrupt(() => {
    quit.abort();
  });
  try {
    if (host.input.isTTY !== true || host.output.isTTY !== true) {
      const context = base.context({ atPrompt: true, signal: quit.signal, ask: undefined });
      return await runScript(host.input, context, () => promptText(base.memory));
    }
    base.view.note('help lists the verbs, scan finds servers, Ctrl-D leaves');
    const names = nameSources(
      base.context({ atPrompt: true, signal: quit.signal, ask: undefined }),
    );
    return await runTerminal({
      input: host.input,
      output: host.output,
      view: base.view,
      drawsOver: mayBeDrawnOver(host.output, host.environment),
      quit: quit.signal,
      contextFor(parts) {
        // Whatever runs may change what is there.
        names.forget();
        return base.context({ atPrompt: true, ...parts });
      },
      complete: (line) => complete(line, names, host.platform),
      promptText: () => promptText(base.memory),
      isLeaving: () => base.memory.leaving,
      stillRuns: () => base.memory.jobs.stillRuns(),
      onLeave: () => {
        base.memory.jobs.cancelAll();
      },
      history: readHistory(base.stateFolder),
      onLine: (line) => {
        keepLine(base.stateFolder, line);
      },
    });
  } finally {
    release();
  }
}

/** Columns that a name may take from what is typed behind it. */
const promptColumns = 24;

/** Shows where the user is: the server of the open session. */
function promptText({ session }: Memory): string {
  if (!session) return 'lanpost> ';
  return `${cutTo(quote(session.server.name), promptColumns)}> `;
}
