import { settingText } from '#config/describe.js';
import { originText } from '#config/settings-error.js';
import { settingKeys } from '#config/settings.js';
import { exitCodes } from '#src/exit-codes.js';
import type { Run } from './command.js';

export const run: Run = ({ view, settings, origins, stateFolder }) => {
  for (const key of settingKeys) {
    const value = settings[key];
    const text = settingText(key, value);
    view.show({ event: 'setting', key, value, text, origin: originText(origins[key]) });
  }
  const where = 'LANPOST_HOME, else the place of this system';
  const key = 'stateFolder';
  view.show({ event: 'setting', key, value: stateFolder, text: stateFolder, origin: where });
  return Promise.resolve(exitCodes.done);
};
