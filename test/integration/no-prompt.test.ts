import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  makePlace,
  run,
  serve,
  start,
  type Ended,
  type Place,
  type Server,
} from '../support/program.js';

let base: string;
/** A machine that nobody knows, and the owner of both servers. */
let stranger: Place;
let owner: Place;
let closed: Server;
let open: Server;

beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'lanpost-no-prompt-'));
  stranger = await makePlace(join(base, 'stranger'));
  owner = await makePlace(join(base, 'owner'));
  await mkdir(join(owner.folder, 'serverDirectory'));
  await writeFile(join(owner.folder, 'serverDirectory/plan.txt'), 'Buy tea.\n');
  for (const place of [stranger, owner]) {
    for (const name of ['a.txt', 'b.txt']) await writeFile(join(place.folder, name), `${name}\n`);
  }
  closed = await serve(owner, ['--tcp-port', '0']);
  // From now on who is not known is asked for a code.
  const { code } = await run(owner, ['pair', '--tcp-port', String(closed.port)]);
  expect(code).toBe(0);
  open = await serve(owner, ['--tcp-port', '0', '--open=rw']);
});

afterAll(async () => {
  for (const server of [closed, open]) await server[Symbol.asyncDispose]();
  await rm(base, { recursive: true, force: true });
});

/** Runs it with an input that stays open and is silent: whoever asks there waits for ever. */
async function ended(place: Place, words: readonly string[]): Promise<Ended> {
  await using running = start(place, words);
  return await running.ended;
}

const at = (server: Server): string => `127.0.0.1:${server.port}`;

describe('without a terminal nobody is asked', () => {
  test.each<[string, () => string[], number, string]>([
    ['list with a code needed', () => ['list', at(closed)], 4, '--code-file'],
    ['get with a code needed', () => ['get', at(closed), 'plan.txt'], 4, '--code-file'],
    ['get - with a code needed', () => ['get', at(closed), 'plan.txt', '-'], 4, '--code-file'],
    ['put with a code needed', () => ['put', at(closed), 'a.txt'], 4, '--code-file'],
    ['put - with a code needed', () => ['put', at(closed), '-', '--as', 'x'], 4, '--code-file'],
    ['put to who is unverified', () => ['put', at(open), 'a.txt'], 4, '--trust'],
    ['put - to who is unverified', () => ['put', at(open), '-', '--as', 'x'], 4, '--trust'],
    ['put --to who is unverified', () => ['put', 'a.txt', '--to', at(open)], 4, '--trust'],
  ])('%s', async (_, words, exit, hint) => {
    for (const more of [[], ['--quiet']]) {
      const { code, stdout, stderr } = await ended(stranger, [...words(), ...more]);
      expect({ code, stdout }).toEqual({ code: exit, stdout: '' });
      expect(stderr).toContain(hint);
    }
    if (words().includes('-')) return;
    const { code, lines, stderr } = await ended(stranger, [...words(), '--json']);
    expect({ code, stderr }).toEqual({ code: exit, stderr: '' });
    expect(lines.at(-1)).toMatchObject({ event: 'failed', exit });
  });

  test.each<[string, string[]]>([
    ['shutdown of one of two servers', ['shutdown']],
    ['pair with one of two servers', ['pair']],
  ])('%s', async (_, words) => {
    const { code, stdout, stderr } = await ended(owner, words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('--tcp-port');
  });
});

describe('--quiet is quiet', () => {
  test.each<[string, () => string[], RegExp]>([
    ['get', () => ['get', at(closed), 'plan.txt'], /^$/],
    ['get of several', () => ['get', at(closed), 'plan.txt', '*.txt'], /^$/],
    ['get -', () => ['get', at(closed), 'plan.txt', '-'], /^Buy tea\.\n$/],
    ['put', () => ['put', at(closed), 'a.txt', 'b.txt'], /^$/],
    ['put --to', () => ['put', 'a.txt', '--to', `${at(closed)},${at(open)}`], /^$/],
    ['list', () => ['list', at(closed), 'plan.txt'], /^$|plan\.txt\n$/],
    ['partials', () => ['partials'], /^$/],
    ['peers', () => ['peers'], /^$/],
    ['config', () => ['config'], /^udpPort/],
  ])('%s', async (_, words, expected) => {
    const { stdout, stderr } = await ended(owner, [...words(), '--quiet']);
    expect(stdout).toMatch(expected);
    expect(stderr.replace(/^lanpost: .*\n( .*\n)?/gm, '')).toBe('');
  });
});
