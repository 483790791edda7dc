import { listLocal } from '#sharing/local.js';
import { exitCodes } from '#src/failure.js';
import { resolve } from 'node:path';
import { showEntries } from './entries.js';
import type { Run } from './command.js';

export const run: Run = async (context, { words: [path = ''] }) => {
  const folder = resolve(context.workingFolder, context.settings.clientDirectory);
  await showEntries(context, path, listLocal(folder, path));
  return exitCodes.done;
};
