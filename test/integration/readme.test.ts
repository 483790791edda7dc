import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { inShell, untilServing, type Played } from '../support/command-line.js';
import { blocksOf } from '../support/documents.js';
import { sparseFile } from '../support/files.js';
import { moveHome } from '../support/home-network.js';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { rules } from '../support/on-host.js';
import { mayFilter, privileged } from '../support/privileges.js';
import { run, serve, start, type Server } from '../support/program.js';

const root = join(import.meta.dirname, '../..');

/** Lines of README.md that are not run here, and why. Each has to stand there. */
const notRun: Readonly<Record<string, string>> = {
  'npm pack': 'test/long/package.test.ts packs, installs and runs it',
  'npm install --global ./lanpost-0.1.0.tgz': 'test/long/package.test.ts installs it',
  'npm run build:single': 'test/long/single.test.ts builds and runs it',
  'eval "$(lanpost completion bash)"': 'test/integration/completion.test.ts does it in bash',
  'source <(lanpost completion zsh)': 'test/integration/completion.test.ts does it in zsh',
  'lanpost completion fish | source': 'test/integration/completion.test.ts does it in fish',
  'lanpost help --man | man -l -': 'test/integration/manual.test.ts shows it with man',
  'npm ci && npm test': 'it would run this test; .ci/run does it on a clean machine',
  'npm test': 'it would run this test',
  'npm run check': 'it would run this test; .ci/run does it',
  'npm run test:long': 'takes an hour; .ci/run does it',
  'npm run picture': 'test/integration/picture.test.ts does the same and compares',
  'npm run bench': 'needs a quiet machine, some 12 GiB and many minutes',
};

/** Addresses that the README gives its machines. */
const addresses: Readonly<Record<string, string>> = {
  amber: '192.168.1.20',
  birch: '192.168.1.21',
  cedar: '192.168.1.9',
};
/** What has to be so before what the README shows below a line can be seen; over when it is disposed. */
const stages: Readonly<Record<string, () => Promise<AsyncDisposable>>> = {
  'lanpost doctor': () => {
    rules(
      cedar,
      'add table inet filter; add chain inet filter input { type filter hook input priority 0; policy drop; }',
    );
    return Promise.resolve({
      [Symbol.asyncDispose]() {
        rules(cedar, 'delete table inet filter');
        return Promise.resolve();
      },
    });
  },
  async 'lanpost status'() {
    const shape = ['tbf', 'rate', '80mbit', 'burst', '64kb', 'latency', '50ms'];
    execFileSync('tc', ['-n', amber.namespace, 'qdisc', 'add', 'dev', 'e0', 'root', ...shape]);
    const coming = start(cedar, ['get', 'amber', 'film.mkv']);
    await vi.waitFor(
      async () => {
        const { stdout } = await run(amber, ['status']);
        expect(stdout).toContain('B/s');
      },
      { timeout: 20_000 },
    );
    return {
      async [Symbol.asyncDispose]() {
        await coming[Symbol.asyncDispose]();
        execFileSync('tc', ['-n', amber.namespace, 'qdisc', 'delete', 'dev', 'e0', 'root']);
      },
    };
  },
};

interface Example {
  readonly line: string;
  /** What the README shows below it. */
  readonly shown: readonly string[];
}

/** One command line each, without its comment; a session at the prompt is one, its lines joined. */
const examples = blocksOf('README.md').flatMap(examplesOf);

function examplesOf({ language, lines }: ReturnType<typeof blocksOf>[number]): Example[] {
  if (language === 'sh') {
    return lines.map((line) => ({ line: line.replace(/ +# .*$/, ''), shown: [] }));
  }
  if (language !== 'console') return [];
  const [first = '', ...shown] = lines;
  if (first.startsWith('$ ')) return [{ line: first.slice(2), shown }];
  const typed = lines.flatMap((line) => /^[a-z]+> (.*)$/.exec(line)?.[1] ?? []);
  return [{ line: typed.join('\n'), shown: lines }];
}

test('each line of README.md that looks like a command is run, or listed with the reason', () => {
  expect(examples.length).toBeGreaterThan(30);
  const other = blocksOf('README.md').filter(
    ({ language }) => !['sh', 'console'].includes(language),
  );
  expect(
    other.flatMap(({ lines }) => lines).filter((line) => /^\W*(lanpost|npm)\b/.test(line)),
  ).toEqual([]);
  const lines = examples.map(({ line }) => line);
  expect(Object.keys(notRun).filter((line) => !lines.includes(line))).toEqual([]);
});

let folder: string;
let lan: Lan;
/** Two servers, and a machine that knows both. */
let amber: Host;
let birch: Host;
let cedar: Host;
const servers = new Map<Host, Server>();

async function fill(place: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(dirname(join(place, path)), { recursive: true });
    await writeFile(join(place, path), `${path}\n`);
  }
}

/** Starts the server of a machine unless it runs. */
async function serving(host: Host): Promise<void> {
  const server = servers.get(host);
  const ended = server && (await Promise.race([server.ended, Promise.resolve(undefined)]));
  if (server && !ended) return;
  servers.set(host, await serve(host, ['--name', host.name]));
}

async function makeKnown(host: Host): Promise<void> {
  const { stdout: code } = await run(host, ['pair']);
  const words = ['list', addresses[host.name] ?? '', '--code-file', '-', '--name', 'cedar'];
  expect(await run(cedar, words, code)).toMatchObject({ code: 0 });
}

beforeAll(async () => {
  if (!privileged) return;
  folder = await mkdtemp(join(tmpdir(), 'lanpost-readme-'));
  await fill(folder, ['bin/lanpost']);
  const program = `#!/bin/sh\nexec "${process.execPath}" "${join(root, 'dist/lanpost.js')}" "$@"\n`;
  await writeFile(join(folder, 'bin/lanpost'), program);
  await chmod(join(folder, 'bin/lanpost'), 0o755);
  lan = await buildLan(
    folder,
    ['amber', 'birch', 'cedar'].map((name) => ({ name, subnets: [0] })),
  );
  [amber, birch, cedar] = lan.hosts as [Host, Host, Host];
  for (const host of lan.hosts) moveHome(host, addresses[host.name] ?? '');
  await fill(amber.folder, ['serverDirectory/plan.txt', 'serverDirectory/photos/sea.jpg']);
  await cp(
    join(root, 'serverDirectory/welcome.txt'),
    join(amber.folder, 'serverDirectory/welcome.txt'),
  );
  execFileSync('tar', ['cf', 'photos.tar', 'photos'], {
    cwd: join(amber.folder, 'serverDirectory'),
  });
  await sparseFile(join(amber.folder, 'serverDirectory/film.mkv'), 1024 ** 3);
  await fill(birch.folder, ['serverDirectory/plan.txt']);
  await fill(cedar.folder, [
    'report.pdf',
    'clientDirectory/notes.txt',
    'Public/a',
    'Papers/a',
    'Homework/a',
  ]);
  await fill(amber.folder, ['clientDirectory/notes.txt']);
  for (const host of [amber, birch]) {
    await serving(host);
    await makeKnown(host);
  }
  const other = '0123456789ABCDEFGHJKMNPQRSTVWXYZ0123456789ABCDEFGHJK';
  expect(await run(amber, ['peers', 'add', other, 'attic', 'read,write'])).toMatchObject({
    code: 0,
  });
});

afterAll(async () => {
  if (!privileged) return;
  for (const server of servers.values()) await server[Symbol.asyncDispose]();
  await lan[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const runnable = examples.filter(({ line }) => notRun[line] === undefined);

describe.skipIf(!privileged)('what README.md shows', () => {
  test.for(runnable)('$line', async ({ line, shown }, { skip }) => {
    const stage = shown.length > 0 ? stages[line] : undefined;
    const filtered = stage !== undefined && line === 'lanpost doctor';
    if (filtered && !mayFilter()) skip();
    for (const host of [amber, birch]) await serving(host);
    const staged = await stage?.();
    const { code, output } = await play(line).finally(() => staged?.[Symbol.asyncDispose]());
    if (line === 'lanpost shutdown') await servers.get(amber)?.ended;
    expect({ code, output }).toMatchObject({ code: filtered ? 3 : 0 });
    const expected = shown.map(shapeOf);
    // It may say more than is shown, and says nothing else in between.
    expect(
      output
        .split('\n')
        .map(shapeOf)
        .filter((one) => expected.includes(one)),
      output,
    ).toEqual(expected);
  });
});

/** Plays a line where it belongs: what an owner does on amber, the rest on cedar; npm in this folder. */
async function play(line: string): Promise<Played> {
  const programs = join(folder, 'bin');
  if (line.includes('\n')) return inShell(amber, programs, 'lanpost', `${line}\n`);
  const here = line.replace(/^npm (?:ci && npm )?/, `cd '${root}' && npm `);
  if (/^lanpost serve|npm start$/.test(line)) return untilServing(cedar, programs, here);
  const isOwners = /^lanpost (pair|peers|shutdown|status)\b/.test(line);
  return inShell(isOwners ? amber : cedar, programs, here, line === 'npm run shell' ? 'bye\n' : '');
}

/** A line without what differs from run to run, and from user to user: ids, sizes, times, other digits, places, interfaces, how far columns are apart. */
function shapeOf(line: string): string {
  return line
    .replaceAll(/\b[0-9A-Z]{4}(-[0-9A-Z]{4})+\b/g, 'ID')
    .replaceAll(/\b[\d.]+ [KMGT]?i?B\b/g, 'SIZE')
    .replaceAll(/\d+/g, '0')
    .replaceAll(/\b0 (s|min|h|d)( 0 \w+)?\b/g, 'TIME')
    .replaceAll(/\/\S*(?=\/serverDirectory)/g, 'PLACE')
    .replaceAll(/\b0 files?\b/g, 'FILES')
    .replaceAll(/\beth0\b/g, 'e0')
    .replace(/^( +\$) sudo /, '$1 ')
    .replaceAll(/ +/g, ' ')
    .trim();
}
