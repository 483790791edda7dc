import { withSession } from '#src/session.js';
import { join, resolve } from 'node:path';
import { textOption, type Run } from './command.js';
import { policyOf, transferAnswer, transferEach } from './transfer.js';

export const run: Run = (context, call) =>
  withSession(context, call, (session) => {
    const { clientDirectory, receivedPrefix } = context.settings;
    const as = textOption(call, 'as');
    const policy = policyOf(context, call);
    return transferEach(context, call, async (path, onProgress) => {
      const done = await session.get(path, {
        folder: resolve(context.workingFolder, clientDirectory),
        receivedPrefix,
        policy,
        onProgress,
        signal: context.signal,
        ...(as !== undefined && { as }),
      });
      return transferAnswer('received', { ...done, as: join(clientDirectory, done.as) });
    });
  });
