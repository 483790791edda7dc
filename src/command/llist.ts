import { SharingError } from '#sharing/errors.js';
import { listLocal } from '#sharing/local.js';
import { exitCodes } from '#src/exit-codes.js';
import { quote } from '#src/view/quote.js';
import { resolve } from 'node:path';
import { showEntries } from './entries.js';
import type { Run } from './command.js';

export const run: Run = async (context, { words: [path = ''] }) => {
  const folder = resolve(context.workingFolder, context.settings.clientDirectory);
  try {
    await showEntries(context, path, listLocal(folder, path));
    return exitCodes.done;
  } catch (error) {
    const missing = error instanceof SharingError && error.code === 'folder-missing';
    if (!missing || path !== '') throw error;
    context.view.note(`empty: ${quote(folder)} is made when the first file is received`);
    return exitCodes.done;
  }
};
