import { exitCodes } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { quote } from '#src/view/quote.js';
import type { Run } from './command.js';

export const run: Run = ({ memory }, { words: [typed = ''] }) => {
  const number = Number(typed.replace(/^%/, ''));
  if (!Number.isInteger(number)) {
    throw new ProgramError('usage', `"${quote(typed)}" is no number of a job`, 'jobs shows them');
  }
  memory.jobs.cancel(number);
  return Promise.resolve(exitCodes.done);
};
