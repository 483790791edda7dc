import { withSession } from '#src/servers/session.js';
import { tell } from '#src/tell.js';
import { showListing } from './listing.js';
import type { Run } from './command.js';

export const run: Run = (context, call) =>
  withSession(context, call, async (session) => {
    const [path = ''] = call.words;
    try {
      return await showListing(context, call, (folder, signal) => session.list(folder, signal));
    } catch (error) {
      return await tell(context, path === '' ? null : path, error);
    }
  });
