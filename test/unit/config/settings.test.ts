import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import { loadSettings } from '#config/load.js';
import { settingSchemas } from '#config/schema.js';
import { isSettingKey, settingKeys, settingTable } from '#config/settings.js';
import type { Settings } from '#config/settings.js';

test('every default is pinned: changing one is a decision', () => {
  const { settings } = loadSettings({ defaults: { name: 'amber' }, environment: {}, flags: {} });
  expect(settings).toStrictEqual({
    udpPort: 30000,
    tcpPort: 30001,
    mdns: 'on',
    name: 'amber',
    serverDirectory: 'serverDirectory',
    clientDirectory: 'clientDirectory',
    receivedPrefix: 'new_',
    ifTaken: 'number',
    open: 'no',
    mode: 'share',
    pairRights: 'read,write',
    maxClients: 256,
    maxClientsPerAddress: 16,
    maxTransfersPerClient: 8,
    maxFileSize: 1_099_511_627_776,
    quota: 1_099_511_627_776,
    keepFree: 268_435_456,
    logLevel: 'info',
    logSize: 10_485_760,
    scanTimeout: 1500,
    connectTimeout: 10_000,
    heartbeat: 15_000,
    idleTimeout: 35_000,
    stallTimeout: 20_000,
    reconnectTimeout: 60_000,
    color: 'auto',
  });
});

test('every bound is pinned', () => {
  const bounds = settingKeys.flatMap((key) => {
    const setting = settingTable[key];
    return 'min' in setting ? [[key, setting.min, setting.max]] : [];
  });
  expect(bounds).toEqual([
    ['udpPort', 1, 65535],
    ['tcpPort', 0, 65535],
    ['maxClients', 1, 4096],
    ['maxClientsPerAddress', 1, 4096],
    ['maxTransfersPerClient', 1, 64],
    ['maxFileSize', 1, 2 ** 53 - 1],
    ['quota', 0, 2 ** 53 - 1],
    ['keepFree', 0, 2 ** 53 - 1],
    ['logSize', 65_536, 1_073_741_824],
    ['scanTimeout', 300, 10_000],
    ['connectTimeout', 100, 120_000],
    ['heartbeat', 1000, 60_000],
    ['idleTimeout', 2000, 600_000],
    ['stallTimeout', 1000, 600_000],
    ['reconnectTimeout', 0, 86_400_000],
  ]);
});

test('every default is one that may be given', () => {
  for (const key of settingKeys) {
    const setting = settingTable[key];
    if ('default' in setting)
      expect(settingSchemas[key]().parse(setting.default)).toBe(setting.default);
  }
});

test('table and schemas name the same settings with the same types', () => {
  expect(Object.keys(settingSchemas)).toEqual(settingKeys);
  type Judged = {
    readonly [K in keyof typeof settingSchemas]: z.output<ReturnType<(typeof settingSchemas)[K]>>;
  };
  expectTypeOf<Judged>().toEqualTypeOf<Settings>();
});

test('what every object inherits is no setting', () => {
  expect(['udpPort', 'constructor', '__proto__', 'toString', ''].map(isSettingKey)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ]);
});

test.each(['settings.ts', 'describe.ts', 'settings-error.ts'])(
  '%s loads no package, so help starts quickly',
  (file) => {
    expect(packagesBehind(file)).toEqual([]);
  },
);

test('the check above would see the validator', () => {
  expect(packagesBehind('load.ts')).toEqual(['zod/mini']);
});

/** Everything imported from outside the folder by a file or by what it imports. */
function packagesBehind(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const source = readFileSync(join(import.meta.dirname, '../../../config', file), 'utf8');
  const specifiers = Array.from(
    source.matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)'|\bimport\(?\s*'([^']+)'/gm),
    (match) => match[1] ?? match[2] ?? '',
  );
  return specifiers.flatMap((specifier) =>
    specifier.startsWith('./')
      ? packagesBehind(basename(specifier).replace(/\.js$/, '.ts'), seen)
      : [specifier],
  );
}
