import { combine } from '#src/failure.js';
import type { Run } from './command.js';

export const run: Run = async ({ memory, view, ask }) => {
  // Somebody who is there decides; a script means what it has begun to end first.
  if (ask) {
    if (memory.lastVerb === 'bye') memory.jobs.cancelAll();
    else memory.jobs.mustBeIdle('bye again ends it');
  }
  const codes = await memory.jobs.settled();
  const { session } = memory;
  memory.session = undefined;
  if (session) {
    await session.bye();
    view.show({ event: 'bye', name: session.server.name });
  } else {
    memory.leaving = true;
  }
  return combine(codes);
};
