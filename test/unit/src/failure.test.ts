import { expect, test } from 'vitest';
import { SettingsError } from '#config/settings-error.js';
import { errorCodes, SharingError } from '#sharing/errors.js';
import { safeName, safePath } from '#sharing/storage/path.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { combine, explain, ProgramError } from '#src/failure.js';

const facts = {
  host: 'amber',
  port: 30_001,
  place: 'amber:30001',
  path: '/srv/share',
  expected: 'A'.repeat(52),
  shown: 'B'.repeat(52),
  id: 'C'.repeat(52),
  size: 2048,
  free: 1024,
  limit: 1024,
  mine: true,
};

test.each(errorCodes)('%s has a sentence, an exit code, and perhaps a hint', (code) => {
  for (const known of [facts, {}]) {
    const failure = explain(new SharingError(code, 'words of the place where it arose', known));
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(/^[^A-Z\s].*[^.\s]$/);
    expect(failure.message).not.toMatch(/undefined|\[object|NaN/);
    expect(failure.hint ?? 'a hint').toMatch(/^[^A-Z\s].*[^.\s]$/);
    expect(Object.values(exitCodes)).toContain(failure.exit);
    expect(failure.exit).not.toBe(exitCodes.done);
  }
});

test.each(errorCodes)('%s shows nothing foreign raw', (code) => {
  const foreign = 'x\u001b[2J\u202e\n';
  const poisoned = Object.fromEntries(Object.keys(facts).map((key) => [key, foreign]));
  const { message, hint = '' } = explain(new SharingError(code, foreign, poisoned));
  // eslint-disable-next-line no-control-regex
  expect(message + hint).not.toMatch(/[\u0000-\u001f\u202e]/);
});

test.each<[ExitCode, readonly string[]]>([
  [2, ['folder-missing', 'state-not-private', 'port-taken', 'state-damaged', 'state-missing']],
  [3, ['name-unresolved', 'unreachable', 'connection-refused', 'connect-timeout', 'not-lanpost']],
  [4, ['not-known', 'own-key-elsewhere', 'key-changed', 'unverified', 'no-right']],
  [5, ['not-found', 'no-permission', 'name-refused', 'is-folder', 'changed', 'read-failed']],
  [6, ['damaged']],
  [7, ['no-room', 'file-too-large', 'too-many-clients']],
  [8, ['cancelled', 'connection-lost', 'stalled']],
])('exit %d', (exit, codes) => {
  for (const code of errorCodes.filter((one) => codes.includes(one))) {
    expect(explain(new SharingError(code, 'words', facts)).exit).toBe(exit);
  }
});

test.each([
  [true, 'llist shows the local folder'],
  [false, 'put reads from the current folder'],
])(
  'what is missing here is looked for where its name counts from; at the prompt: %s',
  (atPrompt, hint) => {
    const missing = new SharingError('not-found', 'a.txt', { local: true });
    expect(explain(missing, String, atPrompt).hint).toBe(hint);
  },
);

test('a shorter name is advised where a new one was made, and not for what was asked for', () => {
  const tooLong = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };
  const name = 'x'.repeat(241);
  expect(explain(tooLong(() => safeName(name))).hint).toContain('--as');
  expect(explain(tooLong(() => safePath(`notes/${name}`))).hint).not.toContain('--as');
});

test('a disk that cannot keep a folder private gets no chmod as a hint', () => {
  const open = { path: '/mnt/stick/.lanpost' };
  const hint = (more: object) =>
    explain(new SharingError('landing-not-private', '', { ...open, ...more })).hint;
  expect(hint({})).toContain('chmod 700 /mnt/stick/.lanpost');
  expect(hint({ why: 'modes' })).toMatch(/another disk.*umask=077/);
});

test('numbers and ids as people read them', () => {
  expect(explain(new SharingError('no-room', '', { size: 2048, free: 1024 })).message).toBe(
    'no room: 2 KiB wanted, 1 KiB free',
  );
  expect(explain(new SharingError('file-too-large', '', facts)).message).toBe(
    'the file is too large: 2 KiB, 1 KiB are allowed',
  );
  expect(explain(new SharingError('key-changed', '', facts)).message).toContain(
    'expected AAAA-AAAA-AAAA-AAAA, got BBBB-BBBB-BBBB-BBBB',
  );
});

test('failures of the program itself bring their own words', () => {
  expect(explain(new ProgramError('usage', 'which server?', 'usage: get'))).toEqual({
    code: 'usage',
    message: 'which server?',
    hint: 'usage: get',
    exit: 2,
  });
  expect(explain(new ProgramError('nobody-found', 'no server found')).exit).toBe(3);
  expect(explain(new ProgramError('not-connected', 'x')).exit).toBe(2);
});

test('settings that cannot work', () => {
  const error = new SettingsError({
    key: 'udpPort',
    given: '0',
    allowed: 'a whole number from 1 to 65535',
    origin: { kind: 'flag', flag: 'udp-port' },
  });
  expect(explain(error)).toMatchObject({ code: 'settings', exit: 2, message: error.message });
});

test('whatever else is thrown is a fault of lanpost', () => {
  for (const thrown of [new TypeError('x is\u001b not a function'), 'text', undefined, { a: 1 }]) {
    const failure = explain(thrown);
    expect(failure).toMatchObject({ code: 'internal', exit: exitCodes.fault });
    expect(failure.message).not.toContain('\u001b');
  }
});

test('failures that agree keep their code, others become 5', () => {
  expect(combine([])).toBe(0);
  expect(combine([0, 0])).toBe(0);
  expect(combine([7, 7, 7])).toBe(7);
  expect(combine([6])).toBe(6);
  expect(combine([6, 7])).toBe(5);
  expect(combine([0, 5])).toBe(5);
  expect(combine([4, 3])).toBe(5);
});

test('room that must stay free is told where there is some', () => {
  const message = (limit: number): string =>
    explain(new SharingError('no-room', '', { size: 2048, free: 0, limit })).message;
  expect(message(1024)).toBe('no room: 2 KiB wanted, 0 B free besides the 1 KiB that must stay so');
  expect(message(0)).toBe('no room: 2 KiB wanted, 0 B free');
});

test('sizes in a failure are shown as they were asked for', () => {
  const full = new SharingError('no-room', '', { size: 2048, free: 1024 });
  expect(explain(full).message).toBe('no room: 2 KiB wanted, 1 KiB free');
  const exact = explain(full, (bytes) => `${bytes} B`).message;
  expect(exact).toBe('no room: 2048 B wanted, 1024 B free');
});

test('a part that was not installed is told apart from other faults', async () => {
  const [absent] = ['no-such-package'];
  const missing: unknown = await import(absent).catch((error: unknown) => error);
  for (const error of [missing, Object.assign(new Error('x'), { code: 'MODULE_NOT_FOUND' })]) {
    expect(explain(error).hint).toContain('npm ci');
  }
  expect(explain(new Error('x')).hint).toContain('report');
});
