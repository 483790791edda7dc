import type { ExitCode } from '#src/exit-codes.js';
import { combine } from '#src/failure.js';
import { meanings } from '#src/meant.js';
import { withSession } from '#src/servers/session.js';
import { join, resolve } from 'node:path';
import type { Run } from './command.js';
import { getStream, isStream } from './get-stream.js';
import { openTally } from './tally.js';
import { plainNameOf, policyOf, transfer } from './transfer.js';

export const run: Run = (context, call) =>
  isStream(call) ? getStream(context, call) : getFiles(context, call);

const getFiles: Run = (context, call) =>
  withSession(context, call, async (session) => {
    const { clientDirectory, receivedPrefix } = context.settings;
    const as = plainNameOf(call);
    const policy = policyOf(context, call);
    const codes: ExitCode[] = [];
    const tally = openTally(clientDirectory);
    const withMeant = meanings();
    for (const path of call.words) {
      const showing = {
        title: path,
        path,
        event: 'received',
        tally,
        placeOf: (name: string) => join(clientDirectory, name),
      } as const;
      const code = await transfer(context, showing, (hooks) =>
        session
          .get(path, {
            folder: resolve(context.workingFolder, clientDirectory),
            receivedPrefix,
            policy,
            ...(as !== undefined && { as }),
            ...hooks,
          })
          .catch(async (error: unknown) => {
            throw await withMeant(error, path, (folder, stop) => session.list(folder, stop));
          }),
      );
      codes.push(code);
    }
    tally.tell(context.view);
    return combine(codes);
  });
