import { asLists } from '#sharing/client.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
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
    const { untilFailure = false } = call;
    for (const paths of asLists(call.words)) {
      const isOne = paths.length === 1;
      const showing = {
        title: isOne ? paths[0] : `${paths.length} names`,
        path: isOne ? paths[0] : null,
        event: 'received',
        tally,
        placeOf: (name: string) => join(clientDirectory, name),
        meant: (path: string, error: unknown) =>
          withMeant(error, path, (folder, stop) => session.list(folder, stop)),
      } as const;
      const code = await transfer(context, showing, (hooks) =>
        session.getList(paths, {
          folder: resolve(context.workingFolder, clientDirectory),
          receivedPrefix,
          policy,
          untilFailure,
          ...(as !== undefined && { as }),
          ...hooks,
        }),
      );
      codes.push(code);
      if (untilFailure && code !== exitCodes.done) break;
    }
    tally.tell(context.view);
    return combine(codes);
  });
