import { SharingError } from '#sharing/errors.js';
import { keptTransfers, type KeptTransfer } from '#sharing/local.js';
import type { ExitCode } from '#src/exit-codes.js';
import { combine } from '#src/failure.js';
import { tell } from '#src/tell.js';
import { resolve } from 'node:path';
import type { Run } from './command.js';

export const run: Run = async (context, { words: [named], options }) => {
  const { view, workingFolder, settings } = context;
  const remove = options['remove'] === true;
  const folders =
    named === undefined ? [settings.clientDirectory, settings.serverDirectory] : [named];
  const codes: ExitCode[] = [];
  let count = 0;
  for (const folder of folders) {
    const kept = await keptIn(resolve(workingFolder, folder), named === undefined, remove);
    for (const { name, peer, size, bytes, touched, failure } of kept) {
      if (failure) {
        codes.push(await tell(context, `${folder}/${name}`, failure));
        continue;
      }
      const sizes = { size, bytes, mtime: touched };
      view.show({ event: 'partial', folder, name, peer, ...sizes, removed: remove });
    }
    count += kept.length;
  }
  if (count === 0) view.note('nothing waits to go on');
  return combine(codes);
};

/** A folder that nobody named need not be there. */
async function keptIn(
  folder: string,
  mayMiss: boolean,
  remove: boolean,
): Promise<readonly KeptTransfer[]> {
  try {
    return await keptTransfers(folder, remove);
  } catch (error) {
    if (mayMiss && error instanceof SharingError && error.code === 'folder-missing') return [];
    throw error;
  }
}
