import { flagName, settingText } from '#config/describe.js';
import { settingKeys, settingTable, type SettingKey } from '#config/settings.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { serviceUnit, type UnitParts } from '#src/serving/unit.js';
import { lstat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
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
  const common = { program, folder, flags: flagsOf(context) };
  const parts: UnitParts = isSystem
    ? { ...common, state: undefined, user: await userFor(context, folder) }
    : { ...common, state: stateFolder };
  view.show({ event: 'service', scope: isSystem ? 'system' : 'user', unit: serviceUnit(parts) });
  return exitCodes.done;
};

/** What was set for this command alone is meant for the service: nothing else would tell it. */
function flagsOf({ settings, origins, stateFolder, workingFolder }: Context): readonly string[] {
  const usualFile = join(stateFolder, 'config.json');
  const files = settingKeys.flatMap((key) => {
    const origin = origins[key];
    return origin.kind === 'file' && origin.path !== usualFile ? [origin.path] : [];
  });
  const given = settingKeys
    .filter((key) => origins[key].kind === 'flag' && !isOfThisCommand(key))
    .map((key) => {
      const text = settingText(key, settings[key]);
      const isFolder = settingTable[key].kind === 'folder';
      return `--${flagName(key)}=${isFolder ? resolve(workingFolder, text) : text}`;
    });
  return [...new Set(files.map((path) => `--config=${path}`)), ...given];
}

/** The folder to share is a word of its own, and nobody looks at the screen of a service. */
function isOfThisCommand(key: SettingKey): boolean {
  return key === 'serverDirectory' || key === 'color';
}

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
