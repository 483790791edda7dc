import { withSession } from '#src/session.js';
import { join, resolve } from 'node:path';
import { textOption, type Run } from './command.js';
import { transferEach } from './transfer.js';

export const run: Run = (context, call) =>
  withSession(context, call, (session) => {
    const { clientDirectory, receivedPrefix } = context.settings;
    const as = textOption(call, 'as');
    return transferEach(context, call, async (path, onProgress) => {
      const {
        outcome,
        as: name,
        size,
        digest,
      } = await session.get(path, {
        folder: resolve(context.workingFolder, clientDirectory),
        receivedPrefix,
        onProgress,
        signal: context.signal,
        ...(as !== undefined && { as }),
      });
      const identical = outcome === 'identical';
      return { event: 'received', path, as: join(clientDirectory, name), size, digest, identical };
    });
  });
