import { exitCodes } from '#src/exit-codes.js';
import type { Run } from './command.js';

export const run: Run = async ({ memory, view }) => {
  const { session } = memory;
  memory.session = undefined;
  if (session) {
    await session.bye();
    view.show({ event: 'bye', name: session.server.name });
  } else {
    memory.leaving = true;
  }
  return exitCodes.done;
};
