import { settingText } from '#config/describe.js';
import { originText } from '#config/settings-error.js';
import { settingKeys } from '#config/settings.js';
import { exitCodes } from '#src/failure.js';
import type { Run } from './command.js';

export const run: Run = ({ view, settings, origins, stateFolder }) => {
  for (const key of settingKeys) {
    const value = settings[key];
    const text = settingText(key, value);
    view.show({ event: 'setting', key, value, text, origin: originText(origins[key]) });
  }
  view.note(`state folder: ${stateFolder}`);
  return Promise.resolve(exitCodes.done);
};
