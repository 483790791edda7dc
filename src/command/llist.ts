import { SharingError } from '#sharing/errors.js';
import { listLocal } from '#sharing/local.js';
import { exitCodes } from '#src/exit-codes.js';
import { withSlashes } from '#src/local-path.js';
import { tell } from '#src/tell.js';
import { quote } from '#src/view/quote.js';
import { resolve } from 'node:path';
import { showListing } from './listing.js';
import type { Run } from './command.js';

export const run: Run = async (context, typed) => {
  const words = typed.words.map((word) => withSlashes(word, context.system.platform));
  const call = { ...typed, words };
  const folder = resolve(context.workingFolder, context.settings.clientDirectory);
  try {
    return await showListing(context, call, (path) => listLocal(folder, path));
  } catch (error) {
    const missing = error instanceof SharingError && error.code === 'folder-missing';
    const [path = ''] = call.words;
    if (!missing || path !== '') return await tell(context, path === '' ? null : path, error);
    context.view.note(`empty: ${quote(folder)} is made when the first file is received`);
    return exitCodes.done;
  }
};
