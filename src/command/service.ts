import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { serviceUnit, type UnitParts } from '#src/serving/unit.js';
import { lstat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Run } from './command.js';

/** What a service of the machine shares, and as whom, when nothing else is said. */
const systemFolder = '/srv/lanpost';
const systemUser = 'lanpost';

export const run: Run = async (context, { words: [named], options }) => {
  const { settings, system, workingFolder, stateFolder, program, view } = context;
  if (named === '') throw new ProgramError('usage', 'the name of the folder is empty');
  if (system.platform !== 'linux') {
    throw new ProgramError(
      'usage',
      'there is no systemd on this system',
      'its own way to start a program at login runs: lanpost serve <folder>',
    );
  }
  const isSystem = options['system'] === true;
  const usual = isSystem ? systemFolder : settings.serverDirectory;
  const folder = resolve(workingFolder, named ?? usual);
  const parts: UnitParts = isSystem
    ? { program, folder, state: undefined, user: await userFor(context, folder) }
    : { program, folder, state: stateFolder };
  view.show({ event: 'service', scope: isSystem ? 'system' : 'user', unit: serviceUnit(parts) });
  return exitCodes.done;
};

/** Who owns the folder, so that the service may read and write it; root's folders want a user of their own. */
async function userFor(
  { system }: Context,
  folder: string,
): Promise<NonNullable<UnitParts['user']>> {
  const stats = await lstat(folder).catch(() => undefined);
  const passwd = (await system.readText('/etc/passwd')) ?? '';
  const users = passwd.split('\n').map((line) => line.split(':'));
  const owner = users.find(([, , uid]) => uid !== '0' && uid === String(stats?.uid));
  const [name = ''] = owner ?? [];
  // What systemd takes for a user's name, and no shell for anything else.
  if (/^[a-zA-Z_][\w.-]{0,30}$/.test(name)) return { name, isNew: false };
  return { name: systemUser, isNew: !users.some(([user]) => user === systemUser) };
}
