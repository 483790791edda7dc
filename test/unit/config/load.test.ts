import { describe, expect, test } from 'vitest';
import { flagName, variableName } from '#config/describe.js';
import type { Layers } from '#config/layers.js';
import { loadSettings } from '#config/load.js';
import { settingKeys } from '#config/settings.js';
import type { SettingKey } from '#config/settings.js';
import { SettingsError } from '#config/settings-error.js';

const path = '/state/config.json';

function load(layers: Partial<Layers> = {}): ReturnType<typeof loadSettings> {
  return loadSettings({ defaults: { name: 'amber' }, environment: {}, flags: {}, ...layers });
}

function fromFile(content: unknown): ReturnType<typeof loadSettings> {
  return load({ file: { path, text: JSON.stringify(content) } });
}

function refusal(run: () => unknown): SettingsError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return error as SettingsError;
  }
  throw new Error('nothing was refused');
}

const fits = 'ä'.repeat(64);
const emoji = '\u{1f600}';

const everywhere: [SettingKey, string][] = [
  ['name', 'amber'],
  ['name', fits],
  ['name', emoji.repeat(32)],
  ['name', 'Zoë’s Mac (2)'],
  ['serverDirectory', '/srv/share'],
  ['serverDirectory', ' '],
  ['clientDirectory', 'C:\\in'],
  ['receivedPrefix', ''],
  ['receivedPrefix', 'from lab '],
  ['receivedPrefix', 'p'.repeat(64)],
  ['open', 'no'],
  ['open', 'read'],
  ['open', 'rw'],
  ['logLevel', 'trace'],
  ['logLevel', 'error'],
  ['color', 'never'],
];

const quantities: [SettingKey, string, number][] = [
  ['maxFileSize', '1', 1],
  ['maxFileSize', '9007199254740991', 2 ** 53 - 1],
  ['maxFileSize', '2T', 2 * 1024 ** 4],
  ['keepFree', '0', 0],
  ['keepFree', '500kB', 500_000],
  ['logSize', '64KiB', 65_536],
  ['logSize', '1G', 1_073_741_824],
  ['scanTimeout', '300ms', 300],
  ['connectTimeout', '2m', 120_000],
  ['heartbeat', '1000', 1000],
  ['idleTimeout', '10m', 600_000],
  ['stallTimeout', '1s', 1000],
];

const counts: [SettingKey, number][] = [
  ['udpPort', 1],
  ['udpPort', 65_535],
  ['tcpPort', 0],
  ['maxClients', 4096],
  ['maxClientsPerAddress', 1],
  ['maxTransfersPerClient', 64],
];

const badEverywhere: [SettingKey, string][] = [
  ['name', ''],
  ['name', ' amber'],
  ['name', 'amber '],
  ['name', 'x'.repeat(65)],
  ['name', `${emoji.repeat(32)}x`],
  ['name', 'a\u001b[2J'],
  ['name', 'a\u009b'],
  ['name', 'a\u202eb'],
  ['name', 'a\u2066b'],
  ['name', 'a\u200fb'],
  ['name', 'a\u2028b'],
  ['name', '\ud800'],
  ['name', 'two  spaces'],
  ['name', 'a\u00a0b'],
  ['name', 'Zoe\u0308'],
  ['name', 'a\u3164b'],
  ['name', 'a\u2800b'],
  ['name', 'a\ue000b'],
  ['name', 'SERVICE DISCOVERY'],
  ['name', 'SERVICE DISCOVERYamber'],
  ['serverDirectory', ''],
  ['serverDirectory', 'a\0b'],
  ['clientDirectory', ''],
  ['receivedPrefix', 'a/b'],
  ['receivedPrefix', 'a\\b'],
  ['receivedPrefix', '.hidden'],
  ['receivedPrefix', '..'],
  ['receivedPrefix', 'a\n'],
  ['receivedPrefix', 'a\0'],
  ['receivedPrefix', 'p'.repeat(65)],
  ['receivedPrefix', 'ä'.repeat(33)],
  ['receivedPrefix', '\udc00'],
  ['open', ''],
  ['open', 'yes'],
  ['open', 'true'],
  ['open', 'READ'],
  ['logLevel', 'silent'],
  ['color', 'Auto'],
  ['maxFileSize', '0'],
  ['maxFileSize', '9007199254740992'],
  ['maxFileSize', '9999999T'],
  ['keepFree', '-1'],
  ['keepFree', '1.5G'],
  ['logSize', '63KiB'],
  ['logSize', '1073741825'],
  ['scanTimeout', '299'],
  ['scanTimeout', '11s'],
  ['connectTimeout', '99ms'],
  ['heartbeat', '61s'],
  ['idleTimeout', '1s'],
  ['stallTimeout', ' 5s'],
];

const badCounts = ['', ' 5', '5 ', '12abc', '1e3', '0x10', '-1', '+1', '1.0', '007', '65536'];

describe('good values', () => {
  test.each(everywhere)('%s: %j in every layer', (key, text) => {
    expect(fromFile({ [key]: text }).settings[key]).toBe(text);
    expect(load({ environment: { [variableName(key)]: text } }).settings[key]).toBe(text);
    expect(load({ flags: { [key]: text } }).settings[key]).toBe(text);
  });

  test.each(quantities)('%s: %s in every layer', (key, text, value) => {
    expect(fromFile({ [key]: value }).settings[key]).toBe(value);
    expect(fromFile({ [key]: text }).settings[key]).toBe(value);
    expect(load({ environment: { [variableName(key)]: text } }).settings[key]).toBe(value);
    expect(load({ flags: { [key]: text } }).settings[key]).toBe(value);
  });

  test.each(counts)('%s: %d as a number in the file, as text elsewhere', (key, value) => {
    const text = String(value);
    expect(fromFile({ [key]: value }).settings[key]).toBe(value);
    expect(load({ environment: { [variableName(key)]: text } }).settings[key]).toBe(value);
    expect(load({ flags: { [key]: text } }).settings[key]).toBe(value);
  });

  test('an empty object, white space and a byte order mark are fine', () => {
    expect(load({ file: { path, text: '\ufeff {\r\n} ' } })).toEqual(load());
  });
});

describe('bad values', () => {
  test.each(badEverywhere)('%s: %j in every layer', (key, text) => {
    const origins = [
      refusal(() => fromFile({ [key]: text })),
      refusal(() => load({ environment: { [variableName(key)]: text } })),
      refusal(() => load({ flags: { [key]: text } })),
    ].map((error) => {
      expect(error.key).toBe(key);
      return error.origin;
    });
    expect(origins).toEqual([
      { kind: 'file', path },
      { kind: 'environment', variable: variableName(key) },
      { kind: 'flag', flag: flagName(key) },
    ]);
  });

  test.each(badCounts)('udpPort: %j in the environment and as a flag', (text) => {
    expect(refusal(() => load({ environment: { LANPOST_UDP_PORT: text } })).key).toBe('udpPort');
    expect(refusal(() => load({ flags: { udpPort: text } })).key).toBe('udpPort');
  });

  test.each([0, 65_536, -1, 1.5, 2 ** 53, '30000', true, null, [30_000], { port: 30_000 }])(
    'udpPort: %j in the file',
    (value) => {
      expect(refusal(() => fromFile({ udpPort: value })).key).toBe('udpPort');
    },
  );

  test('a number beyond all numbers in the file', () => {
    const text = '{"maxFileSize": 1e400}';
    expect(refusal(() => load({ file: { path, text } })).given).toBe('Infinity');
  });

  test.each([true, 5, null, ['read'], {}])('open: %j in the file', (value) => {
    expect(refusal(() => fromFile({ open: value })).key).toBe('open');
  });
});

describe('precedence', () => {
  const file = { path, text: '{"udpPort": 1001, "tcpPort": 2001, "name": "file"}' };
  const environment = { LANPOST_UDP_PORT: '1002', LANPOST_TCP_PORT: '2002' };

  test('defaults < file < environment < flags, each with its origin', () => {
    const { settings, origins } = load({ file, environment, flags: { udpPort: '1003' } });
    expect(settings).toMatchObject({ udpPort: 1003, tcpPort: 2002, name: 'file', maxClients: 256 });
    expect(origins).toMatchObject({
      udpPort: { kind: 'flag', flag: 'udp-port' },
      tcpPort: { kind: 'environment', variable: 'LANPOST_TCP_PORT' },
      name: { kind: 'file', path },
      maxClients: { kind: 'default' },
    });
  });

  test('every setting has an origin, and what is undefined does not count', () => {
    const { settings, origins } = load({
      environment: { LANPOST_NAME: undefined },
      flags: { name: undefined },
    });
    expect(settings.name).toBe('amber');
    expect(origins).toEqual(
      Object.fromEntries(settingKeys.map((key) => [key, { kind: 'default' }])),
    );
  });

  test('a wrong value is told even where a later layer replaces it', () => {
    const wrong = { path, text: '{"udpPort": 0}' };
    expect(refusal(() => load({ file: wrong, flags: { udpPort: '5' } })).origin.kind).toBe('file');
  });

  test('the first problem in reading order is told', () => {
    const wrong = { path, text: '{"tcpPort": -1, "nonsense": 1}' };
    const error = refusal(() =>
      load({ file: wrong, environment: { LANPOST_X: '' }, flags: { udpPort: '' } }),
    );
    expect(error.key).toBe('tcpPort');
  });

  test('the name of the machine matters only when nothing else names it', () => {
    const defaults = { name: '' };
    expect(refusal(() => load({ defaults })).origin).toEqual({ kind: 'default' });
    expect(load({ defaults, flags: { name: 'amber' } }).settings.name).toBe('amber');
  });
});

describe('names', () => {
  test('only LANPOST_ variables are looked at, LANPOST_HOME is known', () => {
    const environment = { PATH: '/bin', LANPOSTUDP: 'x', lanpost_x: 'x', LANPOST_HOME: '/state' };
    expect(load({ environment })).toEqual(load());
  });

  test.each<[string, Partial<Layers>, string]>([
    [
      'file',
      { file: { path, text: '{"udpPrt": 5}' } },
      '"udpPrt" is not a setting (from /state/config.json); did you mean udpPort?',
    ],
    [
      'environment',
      { environment: { LANPOST_UDPPORT: '5' } },
      '"LANPOST_UDPPORT" is not a setting (from the environment); did you mean LANPOST_UDP_PORT?',
    ],
    [
      'home',
      { environment: { LANPOST_HOMR: '/x' } },
      '"LANPOST_HOMR" is not a setting (from the environment); did you mean LANPOST_HOME?',
    ],
    [
      'nothing near',
      { environment: { LANPOST_: '' } },
      '"LANPOST_" is not a setting (from the environment); "lanpost config" lists all settings',
    ],
  ])('unknown, %s', (_layer, layers, message) => {
    expect(refusal(() => load(layers)).message).toBe(message);
  });

  test.each(['__proto__', 'constructor', 'toString'])('%s is unknown in the file', (key) => {
    const text = `{"${key}": {"udpPort": 5}}`;
    expect(refusal(() => load({ file: { path, text } })).key).toBe(key);
  });
});

describe('messages', () => {
  test('a wrong value: name, value, origin, what is allowed', () => {
    const error = refusal(() => load({ environment: { LANPOST_UDP_PORT: '70000' } }));
    expect(error.message).toBe(
      'udpPort: 70000 is not allowed (from LANPOST_UDP_PORT); allowed: a whole number from 1 to 65535',
    );
    expect(error).toMatchObject({
      name: 'SettingsError',
      key: 'udpPort',
      given: '70000',
      allowed: 'a whole number from 1 to 65535',
      origin: { kind: 'environment', variable: 'LANPOST_UDP_PORT' },
    });
  });

  test.each([
    ['70000', '"70000"'],
    [null, 'null'],
    [[1], 'a list'],
    [{}, 'an object'],
  ])('%j in the file is shown as %s', (value, given) => {
    expect(refusal(() => fromFile({ udpPort: value })).given).toBe(given);
  });

  test('what is shown is cut and cannot move the cursor', () => {
    const value = `\u001b[2J\u202e"\\${'x'.repeat(100)}`;
    const error = refusal(() => load({ flags: { open: value } }));
    expect(error.given).toBe(`"\\u{1b}[2J\\u{202e}\\"\\\\${'x'.repeat(53)}…"`);
    const text = `{"${'\u202e'.repeat(100)}": 1}`;
    const unknown = refusal(() => load({ file: { path: '/a\nb', text } }));
    expect(unknown.message).toMatch(
      /^"(?:\\u\{202e\}){60}…" is not a setting \(from \/a\\u\{a\}b\)/,
    );
  });

  test.each([
    ['{"udpPort": 1,}', '"}" at line 1, column 15'],
    ['{\n  "udpPort" 1\n}', '"1" at line 2, column 13'],
    ['', 'the end of the text at line 1, column 1'],
    ['null', 'null'],
    ['[]', 'a list'],
    ['"udpPort"', '"udpPort"'],
    [' '.repeat(1_000_001), 'a text of 1000001 characters'],
  ])('broken file %.20j', (text, given) => {
    const error = refusal(() => load({ file: { path, text } }));
    expect(error).toMatchObject({ key: undefined, given, origin: { kind: 'file', path } });
    expect(error.message).toBe(
      `${path}: ${given} is not allowed; allowed: one JSON object such as {"udpPort": 30000}`,
    );
  });
});

describe('heartbeat and idleTimeout', () => {
  test.each<[string, Partial<Layers>, string]>([
    [
      'idleTimeout alone',
      { flags: { idleTimeout: '15s' } },
      'idleTimeout: 15s is not allowed (from --idle-timeout); ' +
        'allowed: more than heartbeat, which is 15s (the default)',
    ],
    [
      'heartbeat alone',
      { environment: { LANPOST_HEARTBEAT: '1m' } },
      'heartbeat: 1m is not allowed (from LANPOST_HEARTBEAT); ' +
        'allowed: less than idleTimeout, which is 35s (the default)',
    ],
    [
      'both',
      { file: { path, text: '{"heartbeat": "20s", "idleTimeout": 2000}' } },
      'idleTimeout: 2s is not allowed (from /state/config.json); ' +
        'allowed: more than heartbeat, which is 20s (from /state/config.json)',
    ],
  ])('%s', (_case, layers, message) => {
    expect(refusal(() => load(layers)).message).toBe(message);
  });

  test('each layer may be wrong towards another as long as the outcome is right', () => {
    const file = { path, text: '{"heartbeat": "1m"}' };
    expect(load({ file, flags: { idleTimeout: '60001' } }).settings).toMatchObject({
      heartbeat: 60_000,
      idleTimeout: 60_001,
    });
  });
});
