import { mustFind } from '#src/arguments.js';
import { exitCodes } from '#src/exit-codes.js';
import { helpText, verbHelp } from './help-text.js';
import { findCommand } from './registry.js';
import type { PlainRun } from './command.js';

export const run: PlainRun = async (context, { words: [verb], options }) => {
  const { view, atPrompt, columns, version } = context;
  if (options['man'] === true) {
    const { manualPage } = await import('#src/manual/page.js');
    view.show({ event: 'help', text: manualPage(version(), new Date()) });
    return exitCodes.done;
  }
  const where = atPrompt ? 'prompt' : 'one-shot';
  if (verb === undefined) {
    view.show({ event: 'help', text: helpText(where, columns) });
    return exitCodes.done;
  }
  const command = findCommand(verb, atPrompt ? 'one-shot' : 'prompt') ?? mustFind(verb, where);
  view.show({ event: 'help', text: verbHelp(command, columns) });
  return exitCodes.done;
};
