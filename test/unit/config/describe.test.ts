import { expect, test } from 'vitest';
import { describeSettings, flagName, settingText, variableName } from '#config/describe.js';
import { settingKeys } from '#config/settings.js';

test('one name in three spellings', () => {
  expect([flagName('udpPort'), variableName('udpPort')]).toEqual(['udp-port', 'LANPOST_UDP_PORT']);
  expect(flagName('maxClientsPerAddress')).toBe('max-clients-per-address');
  expect(variableName('maxClientsPerAddress')).toBe('LANPOST_MAX_CLIENTS_PER_ADDRESS');
  expect([flagName('name'), variableName('name')]).toEqual(['name', 'LANPOST_NAME']);
});

test('spellings do not collide', () => {
  const rows = describeSettings();
  expect(rows.map((row) => row.key)).toEqual(settingKeys);
  expect(new Set(rows.map((row) => row.flag)).size).toBe(rows.length);
  expect(new Set(rows.map((row) => row.variable)).size).toBe(rows.length);
  expect(rows.map((row) => row.variable)).not.toContain('LANPOST_HOME');
});

test('a meaning is one line without a full stop', () => {
  for (const { meaning } of describeSettings()) expect(meaning).toMatch(/^[^\n]{10,80}[^.\n]$/);
});

test('only --open may stand alone', () => {
  const alone = describeSettings().filter((row) => row.bareValue !== undefined);
  expect(alone.map((row) => [row.flag, row.bareValue])).toEqual([['open', 'read']]);
});

test('defaults are shown as one would type them', () => {
  const shown = Object.fromEntries(describeSettings().map((row) => [row.key, row.defaultText]));
  expect(shown).toMatchObject({
    udpPort: '30000',
    name: 'the host name',
    receivedPrefix: 'new_',
    open: 'no',
    maxFileSize: '1TiB',
    keepFree: '256MiB',
    logSize: '10MiB',
    scanTimeout: '1500ms',
    idleTimeout: '35s',
  });
});

test('allowed values in words', () => {
  const row = (key: string) => describeSettings().find((one) => one.key === key);
  expect(row('udpPort')).toMatchObject({
    allowed: 'a whole number from 1 to 65535',
    placeholder: 'number',
  });
  expect(row('logSize')).toMatchObject({
    allowed: 'a size from 64KiB to 1GiB, in bytes or such as 500kB, 10M, 256MiB',
    placeholder: 'size',
  });
  expect(row('scanTimeout')).toMatchObject({
    allowed: 'a time from 300ms to 10s, in milliseconds or such as 1500ms, 2s, 1m',
    placeholder: 'time',
  });
  expect(row('open')).toMatchObject({
    allowed: 'one of no, read, rw',
    placeholder: 'no|read|rw',
  });
  expect(row('name')?.allowed).toContain('1 to 64 characters (128 bytes at most)');
  expect(row('serverDirectory')?.placeholder).toBe('folder');
  expect(row('receivedPrefix')?.allowed).toContain('64 bytes at most');
});

test('values as text', () => {
  expect(settingText('keepFree', 0)).toBe('0');
  expect(settingText('keepFree', 1025)).toBe('1025');
  expect(settingText('heartbeat', 60_000)).toBe('1m');
  expect(settingText('open', 'rw')).toBe('rw');
});
