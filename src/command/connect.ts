import { exitCodes } from '#src/exit-codes.js';
import { explain } from '#src/failure.js';
import { onlyServer } from '#src/servers/only-server.js';
import { findServer, parseServer } from '#src/servers/server-name.js';
import { openTo } from '#src/servers/session.js';
import { quote } from '#src/view/quote.js';
import type { Run } from './command.js';

export const run: Run = async (context, call) => {
  const [typed, port] = call.words;
  const { memory, view } = context;
  memory.jobs.mustBeIdle();
  const destination =
    typed === undefined
      ? await onlyServer(context)
      : await findServer(context, parseServer(typed, port));
  const session = await openTo(context, destination, call);
  const before = memory.session;
  memory.session = session;
  await before?.bye();
  void session.closed.then((error) => {
    if (memory.session !== session) return;
    memory.session = undefined;
    // What is all here is still saved; then its folders are let go of.
    void memory.jobs.idle().then(() => session[Symbol.asyncDispose]());
    if (!error || error.code === 'cancelled') return;
    const what = `the session with ${quote(session.server.name)} is over`;
    view.note(`${what}: ${explain(error).message}; connect begins a new one`);
  });
  view.show({ event: 'connected', ...session.server });
  return exitCodes.done;
};
