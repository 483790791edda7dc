import { chmod, cp, mkdir, utimes, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { moveHome } from '../support/home-network.js';
import { buildLan, type Host } from '../support/hosts.js';
import { asInEveryRun } from '../support/made-up.js';
import { pictureOf } from '../support/picture.js';
import { isThere, privileged } from '../support/privileges.js';
import { openScreen, whyNoScreen, type Screen } from '../support/screen.js';
import { temporaryFolder } from '../support/temporary.js';

const root = join(import.meta.dirname, '../..');
const picture = join(root, '.github/terminal.svg');
const columns = 80;
const written = Date.parse('2026-11-20T18:00:00Z') / 1000;
const drawable = privileged && isThere('a screen', whyNoScreen());

/** A file that was written on a day of its own, so that a listing is the same in every run. */
async function sample(path: string, content: string | Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  await utimes(path, written, written);
}

function open(host: Host, programs: string): Promise<Screen> {
  return openScreen(host, {
    columns,
    rows: 40,
    environment: {
      HOME: host.folder,
      LANPOST_NAME: host.name,
      LC_ALL: 'C.UTF-8',
      PATH: `${programs}${delimiter}${process.env['PATH'] ?? ''}`,
      TERM: 'xterm',
      TZ: 'UTC',
    },
  });
}

// The picture of the README is this session; `npm run picture` draws it again: look at it then.
describe.skipIf(!drawable)('the picture of a terminal', () => {
  test('shows what happens', async () => {
    const folder = await temporaryFolder();
    await using lan = await buildLan(folder, [
      { name: 'amber', subnets: [0] },
      { name: 'birch', subnets: [0] },
    ]);
    const [amber, birch] = lan.hosts as [Host, Host];
    moveHome(amber, '192.168.1.20');
    moveHome(birch, '192.168.1.9');
    await sample(join(folder, 'bin/lanpost'), program());
    await chmod(join(folder, 'bin/lanpost'), 0o755);
    await mkdir(join(amber.folder, 'serverDirectory'));
    await cp(
      join(root, 'serverDirectory/welcome.txt'),
      join(amber.folder, 'serverDirectory/welcome.txt'),
    );
    await utimes(join(amber.folder, 'serverDirectory/welcome.txt'), written, written);
    for (const [n, size] of [2_400_000, 3_100_000, 1_800_000].entries()) {
      await sample(
        join(amber.folder, `serverDirectory/photos/beach-${n + 1}.jpg`),
        Buffer.alloc(size, 'a photo'),
      );
    }
    await utimes(join(amber.folder, 'serverDirectory/photos'), written, written);
    await sample(join(birch.folder, 'clientDirectory/notes.txt'), 'Notes from birch.\n');

    await using server = await open(amber, join(folder, 'bin'));
    await using client = await open(birch, join(folder, 'bin'));
    // What is typed before there is a prompt stands above it.
    for (const screen of [server, client]) await screen.until('$');
    server.enter('lanpost serve');
    await server.until('good until');
    const [, code = ''] = /code +([0-9A-Z]{4}-[0-9A-Z]{4})/.exec(server.lines().join('\n')) ?? [];
    await play(client, 'lanpost', code);
    await server.until(' left');

    const masked = asInEveryRun([
      [amber.folder, '/home/ann'],
      [birch.folder, '/home/ben'],
    ]);
    const windows = [
      { title: 'amber, 192.168.1.20', lines: server.lines().map(masked) },
      { title: 'birch, 192.168.1.9', lines: client.lines().map(masked) },
    ];
    client.enter('bye');
    server.press('C-c');
    await server.until('stopped');
    const drawn = pictureOf(windows, columns);
    expect(drawn.length).toBeLessThan(40 * 1024);
    await expect(drawn).toMatchFileSnapshot(picture);
  });
});

async function play(client: Screen, start: string, code: string): Promise<void> {
  client.enter(start);
  await client.until('lanpost>');
  client.enter('scan');
  await client.until('File Sharing Service');
  await client.until('lanpost>', 2);
  client.enter('connect amber');
  await client.until('the code that its owner sees');
  client.enter(code);
  await client.until('amber>');
  for (const [n, line] of ['rlist', 'get photos welcome.txt', 'put notes.txt'].entries()) {
    client.enter(line);
    await client.until('amber>', n + 2);
  }
  client.enter('bye');
  await client.until('lanpost>', 3);
}

function program(): string {
  return `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'dist/lanpost.js')}" "$@"\n`;
}
