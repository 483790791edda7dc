import { bytesText, millisecondsText } from './quantity.js';
import { settingKeys, settingTable } from './settings.js';
import type { Setting, SettingKey, Settings } from './settings.js';

/** What help, the argument parser and `lanpost config` say about one setting. */
export interface SettingDescription {
  readonly key: SettingKey;
  /** Without its dashes: `udp-port`. */
  readonly flag: string;
  /** `LANPOST_UDP_PORT`. */
  readonly variable: string;
  /** One line, no full stop. */
  readonly meaning: string;
  /** The values that are accepted, in words. */
  readonly allowed: string;
  /** Stands for the value in help: `--udp-port <number>`. */
  readonly placeholder: string;
  /** What the flag means when no value follows it; undefined: a value must follow. */
  readonly bareValue: string | undefined;
  /** As it would be typed; `the host name` for `name`. */
  readonly defaultText: string;
}

/** Every setting in the order of the table. */
export function describeSettings(): readonly SettingDescription[] {
  return settingKeys.map((key) => {
    const setting: Setting = settingTable[key];
    return {
      key,
      flag: flagName(key),
      variable: variableName(key),
      meaning: setting.meaning,
      allowed: allowedWords(key),
      placeholder: placeholderOf(setting),
      bareValue: setting.kind === 'choice' ? setting.bare : undefined,
      defaultText: setting.kind === 'name' ? 'the host name' : inUnit(setting, setting.default),
    };
  });
}

/** `udpPort` to `udp-port`. */
export function flagName(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `udpPort` to `LANPOST_UDP_PORT`. */
export function variableName(key: string): string {
  return `LANPOST_${flagName(key).replaceAll('-', '_').toUpperCase()}`;
}

/** A value as a user would type it; environment and flags read it back unchanged. */
export function settingText<K extends SettingKey>(key: K, value: Settings[K]): string {
  return inUnit(settingTable[key], value);
}

/** The values that a setting accepts, in words that can follow "allowed: ". */
export function allowedWords(key: SettingKey): string {
  const setting: Setting = settingTable[key];
  switch (setting.kind) {
    case 'count':
      return `a whole number from ${setting.min} to ${setting.max}`;
    case 'bytes':
      return `a size ${range(setting)}, in bytes or such as 500kB, 10M, 256MiB`;
    case 'milliseconds':
      return `a time ${range(setting)}, in milliseconds or such as 1500ms, 2s, 1m`;
    case 'choice':
      return `one of ${setting.choices.join(', ')}`;
    case 'name':
      return (
        `1 to ${setting.maxCharacters} characters (${setting.maxBytes} bytes at most), ` +
        'none of them invisible, in Unicode NFC, single spaces only between words, not beginning with "SERVICE DISCOVERY"'
      );
    case 'folder':
      return 'the path of a folder, not empty and without NUL';
    case 'prefix':
      return (
        `the beginning of a file name, ${setting.maxBytes} bytes at most, without "/", "\\" and ` +
        'invisible characters, not beginning with "."; it may be empty'
      );
  }
}

function placeholderOf(setting: Setting): string {
  switch (setting.kind) {
    case 'count':
      return 'number';
    case 'bytes':
      return 'size';
    case 'milliseconds':
      return 'time';
    case 'choice':
      return setting.choices.join('|');
    case 'name':
    case 'folder':
    case 'prefix':
      return setting.kind;
  }
}

function range(setting: Extract<Setting, { readonly min: number }>): string {
  return `from ${inUnit(setting, setting.min)} to ${inUnit(setting, setting.max)}`;
}

function inUnit({ kind }: Setting, value: string | number): string {
  if (typeof value === 'string') return value;
  if (kind === 'bytes') return bytesText(value);
  return kind === 'milliseconds' ? millisecondsText(value) : String(value);
}
