import { exitCodes } from '#src/exit-codes.js';
import type { Run } from './command.js';

export const run: Run = ({ memory, view }) => {
  const jobs = memory.jobs.list();
  for (const job of jobs) view.show({ event: 'job', ...job });
  if (jobs.length === 0)
    view.note('nothing runs; a transfer with & at its end does so beside the prompt');
  return Promise.resolve(exitCodes.done);
};
