import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { beforeEach, expect, test } from 'vitest';
import { SharingError } from '#sharing/errors.js';
import type { SharingEvent } from '#sharing/events.js';
import { openLog, type LogOptions } from '#src/log/log.js';
import { temporaryFolder } from '../../../support/temporary.js';

let stateFolder = '';

beforeEach(async () => {
  stateFolder = await temporaryFolder();
});

interface Row {
  readonly level: string;
  readonly event: string;
  readonly msg: string;
  readonly [fact: string]: unknown;
}

function open(options: Partial<LogOptions> = {}) {
  const complain = (): void => undefined;
  return openLog({ stateFolder, level: 'info', size: 1_000_000, complain, ...options });
}

async function rowsOf(name = 'lanpost.log'): Promise<Row[]> {
  const text = await readFile(join(stateFolder, 'log', name), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Row);
}

function received(index: number, path = 'a.txt'): SharingEvent {
  const digest = `blake3:${'0'.repeat(64)}`;
  return { event: 'file-in', session: index, path, as: path, size: 5, digest, took: 1 };
}

test('an event is a line of JSON with its facts and a sentence', async () => {
  const log = open();
  log.sharing({ event: 'partials-removed', count: 3 });
  const who = { id: 'X', name: 'amber', as: 'owner', rights: [] } as const;
  log.sharing({ event: 'client-in', session: 1, address: '10.0.0.2', ...who });
  expect(await rowsOf()).toMatchObject([
    { level: 'info', event: 'partials-removed', count: 3, msg: 'removed 3 old partial files' },
    {
      event: 'client-in',
      address: '10.0.0.2',
      as: 'owner',
      msg: 'amber (10.0.0.2) came in as owner',
    },
  ]);
});

test('what is less weighty than the level is not kept', async () => {
  const log = open({ level: 'warn' });
  log.sharing({ event: 'listening', port: 30_001 });
  const taken = { kind: 'port-taken', port: 30_000, retryMs: 5000 } as const;
  log.discovery({ ...taken, address: '0.0.0.0' });
  // Without IPv6 nothing is missing that anybody would miss.
  log.discovery({ ...taken, address: '::' });
  expect((await rowsOf()).map(({ event }) => event)).toEqual(['port-taken']);
});

test('what the file keeps is one thing, what the screen shows another', async () => {
  for (const [level, kept] of [
    ['warn', []],
    ['debug', ['file-in', 'listed']],
  ] as const) {
    const lines: string[] = [];
    const screen = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(chunk.toString());
        done();
      },
    });
    const log = open({ level, screen });
    log.sharing(received(1));
    log.sharing({ event: 'listed', session: 1, path: '' });
    expect(lines).toEqual([expect.stringMatching(/INFO: received a\.txt\n$/)]);
    const rows = kept.length > 0 ? await rowsOf() : [];
    expect(rows.map(({ event }) => event)).toEqual(kept);
  }
});

test('a second run goes on in the same file', async () => {
  for (const count of [1, 2]) {
    const log = open();
    log.sharing({ event: 'partials-removed', count });
  }
  expect((await rowsOf()).map((row) => row['count'])).toEqual([1, 2]);
});

test('at its size the file is set aside, with one predecessor, and no line is lost between', async () => {
  const size = 4000;
  const log = open({ size });
  for (let index = 0; index < 200; index += 1) log.sharing(received(index));
  const folder = join(stateFolder, 'log');
  expect((await readdir(folder)).sort()).toEqual(['lanpost.log', 'lanpost.log.1']);
  const sizes = await Promise.all(
    ['lanpost.log', 'lanpost.log.1'].map(async (name) => (await stat(join(folder, name))).size),
  );
  for (const one of sizes) expect(one).toBeLessThanOrEqual(size);
  const sessions = [...(await rowsOf('lanpost.log.1')), ...(await rowsOf())].map(
    (row) => row['session'] as number,
  );
  const [first = 0] = sessions;
  expect(first).toBeGreaterThan(0);
  expect(sessions).toEqual(Array.from({ length: 200 - first }, (_, index) => first + index));
});

test('a file that is full already is set aside by the next run', async () => {
  const before = open({ size: 500 });
  before.sharing(received(1));
  before.sharing(received(2));
  const log = open({ size: 500 });
  log.sharing(received(3));
  log.sharing(received(4));
  expect((await rowsOf()).length + (await rowsOf('lanpost.log.1')).length).toBeGreaterThan(2);
  expect((await rowsOf()).at(-1)).toMatchObject({ session: 4 });
});

test.runIf(process.platform !== 'win32')('folder and files are for their owner only', async () => {
  const log = open({ size: 1000 });
  for (let index = 0; index < 20; index += 1) log.sharing(received(index));
  const folder = join(stateFolder, 'log');
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  for (const name of ['lanpost.log', 'lanpost.log.1']) {
    expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  }
});

test('only who was refused is a warning', async () => {
  const log = open({ level: 'debug' });
  const who = { address: '10.0.0.2', id: 'X' };
  log.sharing({ event: 'client-asked', ...who });
  log.sharing({ event: 'client-refused', ...who, code: 'not-known', message: 'no' });
  log.sharing({ event: 'client-gone', ...who });
  expect(await rowsOf()).toMatchObject([
    { level: 'info', msg: '10.0.0.2 is asked for the code' },
    { level: 'warn', msg: '10.0.0.2 was refused: no' },
    { level: 'debug', msg: '10.0.0.2 hung up before it came in' },
  ]);
});

test('text of peers is quoted in facts and sentence', async () => {
  const path = 'a\u001b[2J\u202e\u009b\nb';
  const log = open();
  log.sharing(received(1, path));
  log.sharing({
    event: 'client-refused',
    address: '10.0.0.2',
    id: path,
    code: 'not-known',
    message: path,
  });
  const shown = 'a\\u{1b}[2J\\u{202e}\\u{9b}\\u{a}b';
  const [file, refused] = await rowsOf();
  expect(file).toMatchObject({ path: shown, as: shown, msg: `received ${shown}` });
  expect(refused).toMatchObject({ id: shown, message: shown });
  expect(refused?.msg).toContain(shown);
});

test('people see the same on the screen, one line each, quoted', () => {
  const lines: string[] = [];
  const screen = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  const log = open({ screen });
  log.sharing(received(1, 'a\u001b[2J\nb'));
  log.sharing({ event: 'listed', session: 1, path: '' });
  log.sharing({ event: 'fault', where: 'session', error: new Error('broken\nin two') });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\] INFO: received a\\u\{1b\}\[2J\\u\{a\}b\n$/);
  expect(lines[1]).toMatch(/ ERROR: a fault in session: broken\\u\{a\}in two\n$/);
});

test('a fault keeps its stack', async () => {
  const log = open();
  log.fault(new Error('broken'));
  log.sharing({ event: 'fault', where: 'session', error: new Error('broken too') });
  const rows = await rowsOf();
  expect(rows.map(({ level }) => level)).toEqual(['error', 'error']);
  for (const row of rows) {
    expect((row['err'] as { stack: string[] }).stack.join('\n')).toContain('log.test.ts');
  }
});

test('an error keeps its code, its facts and its cause, quoted', async () => {
  const cause = Object.assign(new Error('EACCES: /srv/\u001b'), { code: 'EACCES' });
  const facts = { path: '/srv/\u001b', size: 5 };
  const log = open();
  log.fault(new SharingError('state-damaged', 'cannot be read', facts, cause));
  const [row] = await rowsOf();
  expect(row?.['err']).toMatchObject({
    type: 'SharingError',
    code: 'state-damaged',
    message: 'cannot be read',
    facts: { path: '/srv/\\u{1b}', size: 5 },
    cause: { code: 'EACCES', message: 'EACCES: /srv/\\u{1b}' },
  });
});

test('a file that failed because of a place on this machine names it', async () => {
  const log = open();
  const facts = { path: '/srv/\u001b/.lanpost' };
  const code = 'landing-not-private';
  log.sharing({ event: 'file-failed', session: 1, path: 'a.txt', code, message: '', facts });
  const [row] = await rowsOf();
  expect(row).toMatchObject({
    code,
    facts: { path: '/srv/\\u{1b}/.lanpost' },
    msg: 'a.txt: /srv/\\u{1b}/.lanpost is not a private folder of this user',
  });
});

test('a noisy peer does not fill it', async () => {
  const log = open();
  for (let index = 0; index < 1000; index += 1) {
    log.sharing({
      event: 'client-refused',
      address: '10.0.0.2',
      id: 'X',
      code: 'not-known',
      message: 'no',
    });
  }
  expect(await rowsOf()).toHaveLength(20);
});

test.each([
  ['a folder that cannot be made', () => writeFile(join(stateFolder, 'log'), '')],
  [
    'a folder where the file belongs',
    () => mkdir(join(stateFolder, 'log', 'lanpost.log'), { recursive: true }),
  ],
  [
    'a file that cannot be set aside',
    async () => {
      await mkdir(join(stateFolder, 'log', 'lanpost.log.1', 'full'), { recursive: true });
      await writeFile(join(stateFolder, 'log', 'lanpost.log'), 'x'.repeat(1_000_000));
    },
  ],
])('%s is said once and fails nobody', async (_, prepare) => {
  await prepare();
  const complaints: string[] = [];
  const log = open({ complain: (words) => complaints.push(words) });
  for (let index = 0; index < 3; index += 1) log.sharing(received(index));
  log.fault(new Error('broken'));
  expect(complaints).toEqual([
    expect.stringMatching(/^the log .*lanpost\.log cannot be written \(E[A-Z]+\)$/),
  ]);
});

test('a folder that was removed comes back with the next line', async () => {
  const log = open();
  log.sharing(received(1));
  await rm(join(stateFolder, 'log'), { recursive: true });
  log.sharing(received(2));
  expect((await rowsOf()).map((row) => row['session'])).toEqual([2]);
});

test('two servers of one state folder fill one file, and its size holds for both', async () => {
  const logs = [open({ size: 2000 }), open({ size: 2000 })];
  for (let index = 0; index < 40; index += 1) logs[index % 2]?.sharing(received(index));
  for (const name of await readdir(join(stateFolder, 'log'))) {
    expect((await stat(join(stateFolder, 'log', name))).size).toBeLessThanOrEqual(2000);
  }
  expect((await rowsOf()).at(-1)).toMatchObject({ session: 39 });
});
