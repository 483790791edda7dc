import { exitCodes } from '#src/exit-codes.js';
import { explain } from '#src/failure.js';
import { withSession } from '#src/session.js';
import { showEntries } from './entries.js';
import type { Run } from './command.js';

export const run: Run = (context, call) =>
  withSession(context, call, async (session) => {
    const [path = ''] = call.words;
    try {
      await showEntries(context, path, session.list(path, context.signal));
      return exitCodes.done;
    } catch (error) {
      const failure = explain(error);
      context.view.show({ event: 'failed', path: path === '' ? null : path, ...failure });
      return failure.exit;
    }
  });
