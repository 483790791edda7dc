import fc from 'fast-check';
import { expect, test } from 'vitest';
import { settingText, variableName } from '#config/describe.js';
import type { Layers } from '#config/layers.js';
import { loadSettings } from '#config/load.js';
import type { LoadedSettings } from '#config/load.js';
import { settingKeys, settingTable } from '#config/settings.js';
import type { Setting, SettingKey, Settings } from '#config/settings.js';
import { SettingsError } from '#config/settings-error.js';

const empty = { defaults: { name: 'amber' }, environment: {}, flags: {} } satisfies Layers;

/** Settings or a refusal that is fit for the screen; anything else fails the test. */
function loadOrRefuse(layers: Layers): LoadedSettings | undefined {
  try {
    return loadSettings(layers);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    const { message, given, allowed } = error as SettingsError;
    for (const text of [message, given, allowed]) {
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      expect(text.length).toBeLessThan(1500);
    }
    return undefined;
  }
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.stringMatching(/^[ +-]?\d{0,18}(?:ms|s|m|[KMGT](?:iB|B)?|kB|e\d|\.\d)?$/),
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
);
const anyKey = fc.oneof(fc.constantFrom(...settingKeys), fc.string({ maxLength: 20 }));

test('any environment loads or is refused', () => {
  const variable = fc.oneof(
    fc.constantFrom(...settingKeys.map(variableName)),
    fc.string({ unit: 'binary' }).map((name) => `LANPOST_${name}`),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.dictionary(variable, fc.option(anyText, { nil: undefined })), (environment) => {
      loadOrRefuse({ ...empty, environment });
    }),
  );
});

test('any flags load or are refused', () => {
  const value = fc.oneof(anyText, fc.constant(undefined));
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...settingKeys), value), (flags) => {
      loadOrRefuse({ ...empty, flags });
    }),
  );
});

test('any text of a file loads or is refused', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.dictionary(anyKey, fc.jsonValue()).map((object) => JSON.stringify(object)),
    fc.dictionary(anyKey, anyText).map((object) => JSON.stringify(object)),
  );
  fc.assert(
    fc.property(text, fc.string({ unit: 'binary', maxLength: 100 }), (content, path) => {
      loadOrRefuse({ ...empty, file: { path, text: content } });
    }),
  );
});

test('any host name loads or is refused', () => {
  fc.assert(
    fc.property(anyText, (name) => {
      loadOrRefuse({ ...empty, defaults: { name } });
    }),
  );
});

test('what one layer accepts as text, the others accept with the same outcome', () => {
  fc.assert(
    fc.property(fc.constantFrom(...settingKeys), anyText, (key, text) => {
      const flag = loadOrRefuse({ ...empty, flags: { [key]: text } });
      const variable = loadOrRefuse({ ...empty, environment: { [variableName(key)]: text } });
      expect(variable?.settings).toEqual(flag?.settings);
    }),
  );
});

test('good values survive every layer and the way back through text', () => {
  fc.assert(
    fc.property(goodSettings(), (settings) => {
      const texts = settingKeys.map((key) => [key, settingText(key, settings[key])] as const);
      const flags = Object.fromEntries(texts);
      const environment = Object.fromEntries(
        texts.map(([key, text]) => [variableName(key), text] as const),
      );
      const file = { path: '/config.json', text: JSON.stringify(settings) };
      expect(loadSettings({ ...empty, flags }).settings).toEqual(settings);
      expect(loadSettings({ ...empty, environment }).settings).toEqual(settings);
      expect(loadSettings({ ...empty, file }).settings).toEqual(settings);
    }),
  );
});

test('the strongest layer that speaks decides', () => {
  const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
  fc.assert(
    fc.property(port, port, port, (inFile, inEnvironment, inFlags) => {
      const { settings, origins } = loadSettings({
        ...empty,
        file: { path: '/config.json', text: JSON.stringify({ udpPort: inFile }) },
        environment: { LANPOST_UDP_PORT: inEnvironment?.toString() },
        flags: { udpPort: inFlags?.toString() },
      });
      expect(settings.udpPort).toBe(inFlags ?? inEnvironment ?? inFile ?? 30_000);
      const kinds = [inFlags && 'flag', inEnvironment && 'environment', inFile && 'file'];
      expect(origins.udpPort.kind).toBe(kinds.find((kind) => kind !== undefined) ?? 'default');
    }),
  );
});

function goodSettings(): fc.Arbitrary<Settings> {
  const values = Object.fromEntries(settingKeys.map((key) => [key, goodValue(key)]));
  return fc
    .record(values)
    .map((settings) => settings as unknown as Settings)
    .filter(({ heartbeat, idleTimeout }) => idleTimeout > heartbeat);
}

function goodValue(key: SettingKey): fc.Arbitrary<string | number> {
  const setting: Setting = settingTable[key];
  switch (setting.kind) {
    case 'count':
    case 'bytes':
    case 'milliseconds':
      return fc.integer({ min: setting.min, max: setting.max });
    case 'choice':
      return fc.constantFrom(...setting.choices);
    case 'name':
      return fc.stringMatching(/^[a-zä€](?: ?[a-zä€']){0,31}$/u);
    case 'folder':
      return fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\0'));
    case 'prefix':
      return fc.stringMatching(/^(?:[a-z_€ -][a-z_.€ -]{0,15})?$/u);
  }
}
