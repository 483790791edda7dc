import { mkdir, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { sparseFile } from '../support/files.js';
import { isThere, mayOpenTerminals } from '../support/privileges.js';
import {
  main,
  makePlace,
  run,
  serve,
  surroundings,
  type Place,
  type Server,
} from '../support/program.js';
import { openTerminal, type PseudoTerminal } from '../support/pseudo-terminal.js';
import { openProxy } from '../support/proxy.js';
import { openScreen, whyNoScreen } from '../support/screen.js';
import { removeFolder } from '../support/temporary.js';

const MiB = 1024 ** 2;
const hasTerminals = mayOpenTerminals();

let folder: string;
let place: Place;
let server: Server;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lanpost-prompt-'));
  place = await makePlace(folder);
  await mkdir(join(folder, 'serverDirectory', 'holiday photos'), { recursive: true });
  await mkdir(join(folder, 'clientDirectory'), { recursive: true });
  await writeFile(join(folder, 'serverDirectory', 'welcome.txt'), 'Welcome.\n');
  await writeFile(join(folder, 'serverDirectory', 'holiday photos', 'a.jpg'), 'A.\n');
  await writeFile(join(folder, 'clientDirectory', 'my notes.txt'), 'Notes.\n');
  environment = { ...surroundings(place), NO_COLOR: undefined };
  server = await serve(place, ['--tcp-port', '0']);
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await removeFolder(folder);
});

/** The shell on a terminal, connected. */
async function connected(columns = 80, port = server.port): Promise<PseudoTerminal> {
  const terminal = openTerminal(`"${process.execPath}" "${main}" --name birch`, {
    folder,
    environment,
    columns,
  });
  await terminal.until('lanpost> ');
  terminal.type(`connect 127.0.0.1:${port}\r`);
  await terminal.until('connected to ');
  await terminal.until('> ');
  return terminal;
}

/** Presses Tab until these words are drawn, slowly: two that come at once are taken for pasted blanks. */
async function tabUntil(terminal: PseudoTerminal, words: RegExp): Promise<void> {
  await vi.waitFor(
    () => {
      if (words.test(terminal.screen())) return;
      terminal.type('\t');
      throw new Error(`no ${String(words)} in: ${terminal.screen()}`);
    },
    { timeout: 20_000, interval: 1000 },
  );
  await terminal.until(words);
}

describe.skipIf(!hasTerminals)('one shot on a terminal', () => {
  test('a request to end ends a run that waits for an answer', async () => {
    // From now on who is not known is asked for a code.
    expect((await run(place, ['pair', '--tcp-port', String(server.port)])).code).toBe(0);
    const list = `"${process.execPath}" "${main}" list 127.0.0.1:${server.port}`;
    const own = { ...environment, LANPOST_HOME: join(folder, 'stranger') };
    await using terminal = openTerminal(
      `sh -c 'echo "process $$,"; exec ${list}'; echo "ended with $?"`,
      { folder, environment: own },
    );
    await terminal.until('asks for the code that its owner sees');
    const [, pid = ''] = /process (\d+),/.exec(terminal.screen()) ?? [];
    expect(pid).not.toBe('');
    process.kill(Number(pid), 'SIGTERM');
    await terminal.until('ended with 8');
  });

  test('who gives no code is told where it comes from', async () => {
    expect((await run(place, ['pair', '--tcp-port', String(server.port)])).code).toBe(0);
    const own = { ...environment, LANPOST_HOME: join(folder, 'stranger') };
    await using terminal = openTerminal(
      `sh -c '"${process.execPath}" "${main}" list 127.0.0.1:${server.port}; echo "ended with $?"'`,
      { folder, environment: own },
    );
    await terminal.until('asks for the code that its owner sees');
    terminal.type('\r');
    await terminal.until('no code was given');
    await terminal.until('its owner sees one where lanpost serve runs');
    await terminal.until('ended with 4');
  });
});

describe.skipIf(!hasTerminals)('the prompt on a terminal', () => {
  test('Tab completes verbs, options, remote and local paths, and what it completes runs', async () => {
    await using terminal = await connected();
    terminal.type('ge');
    terminal.type('\t');
    await terminal.until('get ');
    terminal.type('hol');
    terminal.type('\t');
    await terminal.until('holiday\\ photos/');
    terminal.type('\t');
    await terminal.until('a.jpg ');
    terminal.type('--overw');
    terminal.type('\t');
    await terminal.until('--overwrite ');
    terminal.type('\r');
    await terminal.until('new_a.jpg  verified  3 B');
    terminal.type('put "my');
    terminal.type('\t');
    await terminal.until('put "my notes.txt" ');
    terminal.type('--as notes.txt\r');
    await terminal.until('stored as notes.txt');
    // What was listed before the put would lack the new one.
    terminal.type('get not');
    terminal.type('\t');
    await terminal.until('get notes.txt ');
    expect(await readFile(join(folder, 'serverDirectory', 'notes.txt'), 'utf8')).toBe('Notes.\n');
  });

  test('a second Tab lists what there is', async () => {
    await using terminal = await connected(60);
    terminal.type('p');
    await terminal.until('p');
    await tabUntil(terminal, /partials +peers +put/);
    await terminal.until('> p');
  });

  test('a name that would move the cursor is shown in words, and not put into the line', async () => {
    await writeFile(join(folder, 'clientDirectory', 'wild\u001b[2Jname'), '');
    await using terminal = await connected();
    terminal.type('put w');
    terminal.type('\t');
    await terminal.until('put wild');
    await tabUntil(terminal, /wild\\u\{1b\}\[2Jname/);
    expect(terminal.raw()).not.toContain('\u001b[2J');
  });

  test('several lines that are pasted run one after the other, a Tab among them is a blank', async () => {
    await using terminal = await connected();
    terminal.type('llist\nget\twelcome.txt --as pasted.txt\nfrob\n');
    await terminal.until('my notes.txt');
    await terminal.until('clientDirectory/pasted.txt  verified');
    await terminal.until('there is no verb "frob"');
  });

  test('a window that changes its size keeps what is being typed', async () => {
    await using terminal = await connected();
    terminal.type('help pu');
    await terminal.until('help pu');
    terminal.resize(40, 10);
    // The line is drawn anew.
    await terminal.until('help pu');
    terminal.type('t\r');
    await terminal.until('put: puts files');
    await terminal.until('examples');
    // But for examples, lines are as long as the window is wide.
    const [, help = ''] = terminal.screen().split('help put\n');
    const [shown = ''] = help.split('examples');
    expect(shown).toContain('--overwrite');
    expect(Math.max(...shown.split('\n').map((line) => line.length))).toBeLessThanOrEqual(40);
  });

  test('several shells keep the lines of each other, for their owner alone', async () => {
    await using first = await connected();
    await using second = await connected();
    first.type('help get\r');
    await first.until('examples');
    second.type('help put\r');
    await second.until('examples');
    first.type('help scan\r');
    await first.until('examples');
    const place = join(folder, 'state', 'history');
    const lines = (await readFile(place, 'utf8')).trimEnd().split('\n');
    expect(lines.slice(-3)).toEqual(['help get', 'help put', 'help scan']);
    expect((await stat(place)).mode & 0o777).toBe(0o600);
  });
});

describe.skipIf(!hasTerminals)('colours', () => {
  const blue = '\u001b[1;34mholiday photos/\u001b[0m';
  const red = '\u001b[31mlanpost:\u001b[0m';

  async function shown(words: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
    await using terminal = openTerminal(`"${process.execPath}" "${main}" ${words}`, {
      folder,
      environment: { ...environment, ...more },
    });
    await terminal.ended;
    return terminal.raw();
  }

  test('are for folders and failures, and for those who want them', async () => {
    const list = `list 127.0.0.1:${server.port}`;
    expect(await shown(list)).toContain(blue);
    expect(await shown(`${list} gone`)).toContain(red);
    const plain: readonly Promise<string>[] = [
      shown(list, { NO_COLOR: '1' }),
      shown(`${list} --no-color`),
      shown(`${list} --json`),
      shown(`${list} --json --color always`),
      shown(`${list} | cat`),
      shown(`${list} gone --no-color`),
      shown(`${list} gone 2>&1 | cat`),
    ];
    for (const text of await Promise.all(plain)) {
      expect(text).toMatch(/holiday photos|gone/);
      expect(text).not.toContain('\u001b[1;34m');
      expect(text).not.toContain('\u001b[31m');
    }
  });
});

describe.skipIf(!hasTerminals)('a transfer on a terminal', () => {
  /** Bytes that go over before the way rests, so that nothing ends before somebody reacts. */
  const part = 64 * MiB;

  test('Ctrl-Z puts it to sleep, fg lets it go on', async () => {
    await sparseFile(join(folder, 'serverDirectory', 'large.bin'), 512 * MiB);
    await using proxy = await openProxy(server.port, part);
    await using terminal = openTerminal('bash --norc --noprofile -i', { folder, environment });
    await terminal.until('bash-');
    terminal.type(`"${process.execPath}" "${main}" --client-directory fetched\r`);
    await terminal.until('lanpost> ');
    terminal.type(`connect 127.0.0.1:${proxy.port}\r`);
    await terminal.until('connected to');
    terminal.type('get large.bin\r');
    await terminal.until(/large\.bin {2}\d+ %/);
    terminal.type('\u001a');
    await terminal.until('bash-');
    proxy.go();
    terminal.type('fg\r');
    await terminal.until('new_large.bin  verified  512 MiB');
    terminal.type('help bye\r');
    await terminal.until('bye: ends');
  });

  test('Ctrl-C ends it and not the shell; the window may change its size; Ctrl-D leaves', async () => {
    await sparseFile(join(folder, 'serverDirectory', 'big.bin'), 512 * MiB);
    await using proxy = await openProxy(server.port, part);
    await using terminal = await connected(80, proxy.port);
    terminal.type('get big.bin\r');
    await terminal.until(/big\.bin {2}\d+ %/);
    terminal.resize(30, 5);
    await terminal.until(/big\.bin {2}\d+ %/);
    terminal.type('\u0003');
    await terminal.until('interrupted');
    await terminal.until('> ');
    terminal.type('help bye\r');
    await terminal.until('bye: ends');
    terminal.type('\u0004');
    await terminal.ended;
    expect(await readdir(join(folder, 'clientDirectory'))).not.toContain('new_big.bin');
  });
});

describe.skipIf(!isThere('a screen', whyNoScreen()))('a transfer on a screen', () => {
  test('what is said while it goes on stands in lines of its own, and nothing is left of the moving line', async () => {
    const mixed = join(folder, 'serverDirectory', 'mixed');
    for (const part of ['a', 'b', 'c']) {
      await mkdir(join(mixed, part), { recursive: true });
      await writeFile(join(mixed, part, 'large.bin'), Buffer.alloc(1 << 26, part));
      await writeFile(join(mixed, part, 'bad\\name'), 'x');
    }
    const place = await makePlace(await mkdtemp(join(folder, 'screen-')));
    await using screen = await openScreen(place, {
      columns: 100,
      rows: 24,
      environment: {
        ...Object.fromEntries(
          Object.entries(environment).map(([name, value]) => [name, value ?? '']),
        ),
        NO_COLOR: '1',
        TERM: 'xterm',
      },
    });
    screen.enter(
      `"${process.execPath}" "${main}" get 127.0.0.1:${server.port} mixed --client-directory fetched; echo ended $?`,
    );
    await screen.until('ended 5');
    const lines = screen.lines().map((line) => stripVTControlCharacters(line).trimEnd());
    const told = lines.slice(lines.findIndex((line) => line.endsWith('echo ended $?')) + 1);
    const remarks = ['a', 'b', 'c'].flatMap((part) => [
      `lanpost: mixed/${part}: this name cannot be used: 1 of its names cannot be shared`,
      '  names are never changed on the way; rename the file where it lies',
    ]);
    expect(told.slice(0, 6).sort()).toEqual(remarks.sort());
    // Its time is told if it took any worth telling.
    expect(told.slice(6).map((line) => line.replace(/ in [0-9.]+ m?s \([^)]*\)/, ''))).toEqual([
      'fetched/new_mixed/  verified  3 files  192 MiB  (3 FAILED)',
      'in all 3 files  192 MiB, now in fetched; 3 FAILED',
      'ended 5',
      '$',
    ]);
  });
});
