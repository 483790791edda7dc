import type { Option } from './command.js';

/** What every verb understands at the prompt, too. */
export const exactSizes: Option = {
  name: 'bytes',
  meaning: 'show sizes to the byte; at the prompt, too',
};

/** Switches that every verb understands in one shot. */
export const globalOptions: readonly Option[] = [
  { name: 'json', meaning: 'print one JSON event a line' },
  { name: 'quiet', short: 'q', meaning: 'print only answers and errors' },
  exactSizes,
  { name: 'config', value: 'file', takes: 'local', meaning: 'read settings from this file' },
  { name: 'no-color', meaning: 'no colours' },
  { name: 'help', short: 'h', meaning: 'explain lanpost, or one verb' },
];
