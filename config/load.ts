import { allowedWords, settingText } from './describe.js';
import { readLayers } from './layers.js';
import type { Layers, Statement } from './layers.js';
import { settingSchemas } from './schema.js';
import { settingKeys, settingTable } from './settings.js';
import type { Setting, SettingKey, Settings } from './settings.js';
import { originText, SettingsError, shown } from './settings-error.js';
import type { Origin } from './settings-error.js';

/** Values that work together, and where each of them came from. */
export interface LoadedSettings {
  readonly settings: Settings;
  readonly origins: Readonly<Record<SettingKey, Origin>>;
}

/**
 * Defaults < file < environment < flags. Throws SettingsError for the first problem in that reading
 * order; a wrong value is told even where a later layer replaces it, since it waits there to bite.
 */
export function loadSettings(layers: Layers): LoadedSettings {
  const values = new Map<SettingKey, unknown>();
  const origins = new Map<SettingKey, Origin>();
  for (const statement of readLayers(layers)) {
    values.set(statement.key, accepted(statement));
    origins.set(statement.key, statement.origin);
  }
  if (!values.has('name')) values.set('name', accepted(hostName(layers.defaults.name)));
  const settings = { ...defaults(), ...Object.fromEntries(values) } as Settings;
  // A peer must have had the chance to answer a ping before it counts as gone.
  if (settings.idleTimeout <= settings.heartbeat) throw notApart(settings, origins);
  return { settings, origins: complete(origins) };
}

/** `name` has none: the program passes the host's. */
function defaults(): Partial<Settings> {
  const rows = settingKeys.map((key) => {
    const setting: Setting = settingTable[key];
    return [key, 'default' in setting ? setting.default : undefined];
  });
  return Object.fromEntries(rows) as Partial<Settings>;
}

/** The value in its unit. Throws SettingsError. */
function accepted({ key, value, origin, given }: Statement): unknown {
  const judged = settingSchemas[key]().safeParse(value);
  if (judged.success) return judged.data;
  throw new SettingsError({ key, given, allowed: allowedWords(key), origin });
}

function hostName(name: string): Statement {
  return { key: 'name', value: name, origin: { kind: 'default' }, given: shown(name) };
}

function complete(origins: ReadonlyMap<SettingKey, Origin>): Record<SettingKey, Origin> {
  const rows = settingKeys.map((key) => [key, origins.get(key) ?? { kind: 'default' }] as const);
  return Object.fromEntries(rows) as Record<SettingKey, Origin>;
}

const strength = { default: 0, file: 1, environment: 2, flag: 3 } as const;

/** `heartbeat` against `idleTimeout`: the one that was set last is told, with the other's value. */
function notApart(settings: Settings, origins: ReadonlyMap<SettingKey, Origin>): SettingsError {
  const [heartbeat, idle] = (['heartbeat', 'idleTimeout'] as const).map((key) => {
    const origin: Origin = origins.get(key) ?? { kind: 'default' };
    const text = settingText(key, settings[key]);
    return { key, text, origin };
  }) as [Side, Side];
  return strength[heartbeat.origin.kind] > strength[idle.origin.kind]
    ? crossed(heartbeat, 'less', idle)
    : crossed(idle, 'more', heartbeat);
}

interface Side {
  readonly key: SettingKey;
  readonly text: string;
  readonly origin: Origin;
}

function crossed(wrong: Side, relation: 'less' | 'more', other: Side): SettingsError {
  const allowed = `${relation} than ${other.key}, which is ${other.text} (${originText(other.origin)})`;
  return new SettingsError({ key: wrong.key, given: wrong.text, allowed, origin: wrong.origin });
}
