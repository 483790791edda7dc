import { exitCodes } from '#src/exit-codes.js';
import { withSession } from '#src/session.js';
import { tell } from '#src/tell.js';
import { showEntries } from './entries.js';
import type { Run } from './command.js';

export const run: Run = (context, call) =>
  withSession(context, call, async (session) => {
    const [path = ''] = call.words;
    try {
      await showEntries(context, path, session.list(path, context.signal));
      return exitCodes.done;
    } catch (error) {
      return await tell(context, path === '' ? null : path, error);
    }
  });
