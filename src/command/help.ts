import { exitCodes } from '#src/failure.js';
import { helpText, verbHelp } from './help-text.js';
import { findCommand } from './registry.js';
import type { Run } from './command.js';
import { ProgramError } from '#src/failure.js';
import { quote } from '#src/view/quote.js';

export const run: Run = ({ view, atPrompt }, { words: [verb] }) => {
  const where = atPrompt ? 'prompt' : 'one-shot';
  if (verb === undefined) {
    view.show({ event: 'help', text: helpText(where) });
    return Promise.resolve(exitCodes.done);
  }
  const command =
    findCommand(verb, where) ?? findCommand(verb, 'prompt') ?? findCommand(verb, 'one-shot');
  if (!command) {
    throw new ProgramError('usage', `there is no verb "${quote(verb)}"`, 'help lists the verbs');
  }
  view.show({ event: 'help', text: verbHelp(command) });
  return Promise.resolve(exitCodes.done);
};
