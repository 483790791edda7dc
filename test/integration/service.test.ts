import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mayJudgeUnits, mayTrace } from '../support/privileges.js';
import { makePlace, run, start, type Place } from '../support/program.js';

const hasSystemd = mayJudgeUnits();
/** What `systemd-analyze security` may find at most, of 10. */
const exposure = { system: 1.5, user: 6.5 };

let folder: string;
let place: Place;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'lanpost-service-')));
  place = await makePlace(join(folder, 'place'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function analyze(words: readonly string[]): { code: number | null; said: string } {
  const env = { ...process.env, XDG_RUNTIME_DIR: folder };
  const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8', env });
  return { code: status, said: stdout + stderr };
}

async function unitIn(name: string, words: readonly string[]): Promise<string> {
  const { code, stdout } = await run(place, ['service', ...words]);
  expect(code).toBe(0);
  await mkdir(join(folder, name));
  const path = join(folder, name, 'lanpost.service');
  await writeFile(path, stdout);
  return path;
}

describe.skipIf(!hasSystemd)('a unit', () => {
  test.each([
    ['user', ['odd 100% "name" $HOME \\'], ['--user'], exposure.user],
    ['system', ['--system', '/srv/odd 100% "name" $HOME \\'], [], exposure.system],
  ] as const)('of the %s is right in the eyes of systemd, and walled in', async (...row) => {
    const [scope, words, how, most] = row;
    const path = await unitIn(scope, words);
    expect(analyze(['verify', ...how, path])).toEqual({ code: 0, said: '' });
    const { said } = analyze(['security', ...how, '--offline=true', path]);
    expect(Number(/exposure level for \S+ (\d+\.\d)/.exec(said)?.[1])).toBeLessThanOrEqual(most);
  });

  test('with a fault in it would be seen', async () => {
    const path = await unitIn('wrong', ['--system']);
    await writeFile(path, '[Service]\nExecStart=/no/such/program\nProtectSystem=maybe\n');
    expect(analyze(['verify', path]).said).toContain('lanpost.service');
  });
});

/** The calls in a group of systemd's, with those of its groups. */
function callsOf(group: string): Set<string> {
  const { said } = analyze(['syscall-filter', group]);
  const words = said.split('\n').map((line) => line.trim());
  const names = words.filter((word) => /^@?[a-z_0-9-]+$/.test(word) && word !== group);
  return new Set(names.flatMap((word) => (word.startsWith('@') ? [...callsOf(word)] : [word])));
}

/** Calls that V8 only tries; here they fail as under the unit. */
const onlyTried: readonly string[] = ['pkey_alloc'];

describe.skipIf(!hasSystemd || !mayTrace())('a server', () => {
  test('makes no call that its unit forbids, and needs no other sockets', async () => {
    const trace = join(folder, 'calls');
    const traced = {
      ...place,
      through: ['strace', '-f', '-qq', '-o', trace, `--inject=${onlyTried.join()}:error=EPERM`],
    };
    await using server = start(traced, ['serve', '--json', '--tcp-port', '0']);
    const { port } = await server.line('serving');
    const host = `127.0.0.1:${String(port)}`;
    await writeFile(join(place.folder, 'notes.txt'), 'Notes.\n');
    expect((await run(place, ['put', host, 'notes.txt'])).code).toBe(0);
    expect((await run(place, ['get', host, 'new_notes.txt'])).code).toBe(0);
    expect((await run(place, ['shutdown'])).code).toBe(0);
    await server.ended;
    const lines = (await readFile(trace, 'utf8')).split('\n');
    const called = new Set(lines.flatMap((line) => /^\d+ +([a-z_0-9]+)\(/.exec(line)?.[1] ?? []));
    const allowed = callsOf('@system-service');
    const denied = new Set([...callsOf('@privileged'), ...callsOf('@resources')]);
    expect(called.size).toBeGreaterThan(40);
    const forbidden = [...called].filter((name) => !allowed.has(name) || denied.has(name));
    expect(forbidden.filter((name) => !onlyTried.includes(name))).toEqual([]);
    const families = lines.flatMap((line) => / socket\((AF_[A-Z0-9]+)/.exec(line)?.[1] ?? []);
    const known = ['AF_INET', 'AF_INET6', 'AF_NETLINK', 'AF_UNIX'];
    expect([...new Set(families)].filter((family) => !known.includes(family))).toEqual([]);
    expect(families).toContain('AF_NETLINK');
  });
});
