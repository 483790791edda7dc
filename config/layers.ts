import { flagName, variableName } from './describe.js';
import { findJsonFault } from './json-fault.js';
import { nearest } from './nearest.js';
import { readCount } from './quantity.js';
import { isSettingKey, settingKeys, settingTable } from './settings.js';
import type { SettingKey } from './settings.js';
import { printable, SettingsError, shown } from './settings-error.js';
import type { Origin } from './settings-error.js';

/** Everything that can state a setting, weakest first. Undefined values count as not stated. */
export interface Layers {
  /** What the program knows of the machine; judged only if nothing else names it. */
  readonly defaults: { readonly name: string };
  /** The contents of `config.json`, already read; absent: there is none. */
  readonly file?: { readonly path: string; readonly text: string };
  /** The environment as it is; only names that begin with `LANPOST_` are looked at. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Texts by setting (`udpPort`); what is no setting was refused where the words were told apart. */
  readonly flags: Flags;
}

export type Flags = Readonly<Partial<Record<SettingKey, string | undefined>>>;

/** One setting as one layer states it, not yet judged. */
export interface Statement {
  readonly key: SettingKey;
  readonly value: unknown;
  readonly origin: Origin;
  /** For messages: what was written there. */
  readonly given: string;
}

/**
 * All statements, later ones win. Lazy, so that the first problem in reading order is the one told.
 * Throws SettingsError for a broken file and for an unknown name.
 */
export function* readLayers({ file, environment, flags }: Layers): Generator<Statement> {
  if (file !== undefined) yield* readFile(file);
  yield* readEnvironment(environment);
  yield* readFlags(flags);
}

function* readFile({ path, text }: { path: string; text: string }): Generator<Statement> {
  const origin: Origin = { kind: 'file', path };
  for (const [key, value] of Object.entries(parseObject(text, origin))) {
    if (!isSettingKey(key)) {
      throw unknownName(key, origin, key, nearest(key, settingKeys), printable(path));
    }
    yield { key, value, origin, given: shown(value) };
  }
}

function* readEnvironment(environment: Layers['environment']): Generator<Statement> {
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(variablePrefix) || variable === homeVariable) continue;
    if (text === undefined) continue;
    const origin: Origin = { kind: 'environment', variable };
    const key = settingKeys.find((candidate) => variableName(candidate) === variable);
    if (key === undefined) {
      // Without the prefix, which all share and which would hide how different the rest is.
      const known = [...settingKeys.map(variableName), homeVariable];
      const suffixes = known.map((name) => name.slice(variablePrefix.length));
      const suffix = nearest(variable.slice(variablePrefix.length), suffixes);
      const meant = suffix === undefined ? undefined : variablePrefix + suffix;
      throw unknownName(variable, origin, variable, meant, 'the environment');
    }
    yield { key, value: typed(key, text), origin, given: shownText(text) };
  }
}

function* readFlags(flags: Flags): Generator<Statement> {
  // In the order of the command line.
  for (const [key, text] of Object.entries(flags) as [SettingKey, string | undefined][]) {
    if (text === undefined) continue;
    const origin: Origin = { kind: 'flag', flag: flagName(key) };
    yield { key, value: typed(key, text), origin, given: shownText(text) };
  }
}

const variablePrefix = 'LANPOST_';
// Says where the state folder is, and with it the file: so it cannot be a setting itself.
const homeVariable = 'LANPOST_HOME';

/** Text from environment or flag; what is no plain number stays text and is refused as such. */
function typed(key: SettingKey, text: string): string | number {
  return settingTable[key].kind === 'count' ? (readCount(text) ?? text) : text;
}

/** All is text in these layers, so quotes round a number would tell nothing. */
function shownText(text: string): string {
  return /^-?\d{1,20}$/.test(text) ? text : shown(text);
}

// Far above every sensible file; what is larger was given by mistake and is not read through.
const longestFile = 1_000_000;

function parseObject(text: string, origin: Origin & { kind: 'file' }): object {
  if (text.length > longestFile) throw brokenFile(`a text of ${text.length} characters`, origin);
  // Editors on Windows begin a file with a byte order mark, which JSON does not know.
  const json = text.startsWith('\ufeff') ? text.slice(1) : text;
  let content: unknown;
  try {
    content = JSON.parse(json);
  } catch {
    throw brokenFile(placeOfFault(json), origin);
  }
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content;
  throw brokenFile(shown(content), origin);
}

function placeOfFault(json: string): string {
  const fault = findJsonFault(json);
  if (fault === undefined) return 'text that is not JSON';
  const found = fault.found === undefined ? 'the end of the text' : shown(fault.found);
  return `${found} at line ${fault.line}, column ${fault.column}`;
}

function brokenFile(given: string, origin: Origin & { kind: 'file' }): SettingsError {
  const allowed = 'one JSON object such as {"udpPort": 30000}';
  const sentence = `${printable(origin.path)}: ${given} is not allowed; allowed: ${allowed}`;
  return new SettingsError({ key: undefined, given, allowed, origin }, sentence);
}

function unknownName(
  key: string,
  origin: Origin,
  written: string,
  meant: string | undefined,
  where: string,
): SettingsError {
  const given = shown(written);
  const allowed =
    meant === undefined ? '"lanpost config" lists all settings' : `did you mean ${meant}?`;
  const sentence = `${given} is not a setting (from ${where}); ${allowed}`;
  return new SettingsError({ key, given, allowed, origin }, sentence);
}
