import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { splitLine } from '#src/shell/words.js';
import { mustBeLine } from './json-events.js';
import { freePort, hold, isFree } from './ports.js';
import {
  openMachine,
  type Line,
  type Machine,
  type Outcome,
  type RunningServer,
} from './terminal-session.js';

/** What a transcript cannot be played without, or undefined when it can. */
export async function whatIsMissing(text: string): Promise<string | undefined> {
  for (const need of text.matchAll(/^needs (.*)$/gm)) {
    const [, what] = need;
    if (what === 'not-root' && process.getuid?.() === 0) return 'root may read everything';
    if (what === 'posix' && process.platform === 'win32') return 'Windows has no file modes';
    if (what === 'default-ports' && !(await hasDefaultPort()))
      return 'TCP 30002 to 30010 are taken';
  }
  return undefined;
}

/**
 * Plays a transcript and gives it back with what really happened, so that it is compared with itself. A
 * line is one step (`steps` below lists them), above all `$ lanpost ...`. `in` lines after it are
 * standard input; `out`, `err` and `exit` lines are what the program answers, both streams in the order of a
 * terminal. `{temp}`, `{port}`, `{id}` and the like stand for what differs from run to run, and `...` for words
 * that are not settled.
 */
export async function replay(text: string): Promise<string> {
  await using machine = await openMachine();
  await using stage = await openStage(machine);
  const played: string[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length;) {
    const line = lines[at] ?? '';
    played.push(line);
    at += 1;
    const expected: string[] = [];
    for (; /^(in|out|err|exit)( |$)/.test(lines[at] ?? ''); at += 1) expected.push(lines[at] ?? '');
    if (line === '' || line.startsWith('#')) continue;
    const input = expected.filter((one) => one.startsWith('in'));
    const typed = input.map((one) => stage.fill(one.slice(3)));
    const happened = await stage.play(splitLine(stage.fill(line), 'linux').words, typed);
    played.push(...input, ...unsettled(happened, expected.slice(input.length)));
  }
  return played.join('\n');
}

/** Where `...` was expected on that stream, any line of it is right. */
function unsettled(happened: readonly string[], expected: readonly string[]): string[] {
  return happened.map((line, index) => {
    const wanted = expected[index] ?? '';
    return wanted.endsWith(' ...') && line.startsWith(wanted.slice(0, 4)) ? wanted : line;
  });
}

interface Stage extends AsyncDisposable {
  /** Puts the real ports, ids and places where a line has words for them. */
  fill(line: string): string;
  /** Does what one line says; gives the lines that follow it. */
  play(words: readonly string[], input: readonly string[]): Promise<string[]>;
}

async function openStage(machine: Machine): Promise<Stage> {
  const names = new Map([
    ['{temp}', machine.folder],
    ['{udp}', String(machine.udpPort)],
    ['{closed}', String(await freePort('tcp'))],
    ['{almost-long}', 'n'.repeat(240)],
    ['{long}', 'n'.repeat(241)],
    ['{very-long}', 'm'.repeat(255)],
  ]);
  const servers: RunningServer[] = [];
  const others: AsyncDisposable[] = [];
  let interruptAfter: string | undefined;
  const place = (path = ''): string => join(machine.folder, path);

  function learn(server: RunningServer): void {
    servers.push(server);
    const number = servers.length === 1 ? '' : String(servers.length);
    names.set(`{port${number}}`, String(server.port));
    names.set(`{id${number}}`, server.id);
    names.set(`{groups${number}}`, inGroups(server.id));
    names.set(`{short${number}}`, inGroups(server.id.slice(0, 16)));
  }

  function masked(text: string): string {
    const longestFirst = [...names].sort(([, a], [, b]) => b.length - a.length);
    const named = longestFirst.reduce(
      (shown, [name, value]) => shown.replaceAll(new RegExp(`${literal(value)}(?!\\d)`, 'g'), name),
      text,
    );
    return changing.reduce((shown, [pattern, word]) => shown.replaceAll(pattern, word), named);
  }

  function results({ lines, exit }: Outcome): string[] {
    return [...lines.map(said), `exit ${exit}`];
  }

  function said({ stream, text }: Line): string {
    return `${stream} ${visible(masked(text))}`.trimEnd();
  }

  const steps: Record<
    string,
    (words: readonly string[], input: readonly string[]) => Promise<string[]>
  > = {
    async $(words, input) {
      const after = interruptAfter;
      interruptAfter = undefined;
      const options = { input, ...(after !== undefined && { interruptAfter: after }) };
      const outcome = await machine.run(words.slice(1), options);
      if (words.includes('--json')) outcome.lines.forEach(mustBeEvent);
      return results(outcome);
    },
    async serve(words) {
      learn(await machine.serve(words));
      return [];
    },
    /** What the server said until then; with a text, only the lines that hold it. */
    async stop([text = '']) {
      const server = servers.at(-1);
      if (!server) throw new Error('no server runs');
      return results(await server.stop()).filter((line) => line.includes(text));
    },
    async file([path, ...content]) {
      await mkdir(dirname(place(path)), { recursive: true });
      await writeFile(place(path), content.length === 0 ? '' : `${content.join(' ')}\n`);
      return [];
    },
    async folder([path, mode]) {
      await mkdir(place(path), { recursive: true });
      if (mode !== undefined) await chmod(place(path), Number.parseInt(mode, 8));
      return [];
    },
    async mode([mode = '', path]) {
      await chmod(place(path), Number.parseInt(mode, 8));
      return [];
    },
    async link([path, target = '']) {
      await symlink(target, place(path));
      return [];
    },
    async remove([path]) {
      await rm(place(path), { recursive: true });
      return [];
    },
    async show([path]) {
      const text = await readFile(place(path), 'utf8');
      return text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => said({ stream: 'out', text: line }));
    },
    async names([path]) {
      return (await readdir(place(path))).sort().map((text) => said({ stream: 'out', text }));
    },
    set([name = '', value]) {
      machine.environment[name] = value;
      return Promise.resolve([]);
    },
    interfaces() {
      machine.interfaces = {};
      return Promise.resolve([]);
    },
    'interrupt-after'([text]) {
      interruptAfter = text;
      return Promise.resolve([]);
    },
    async 'other-program'([kind, port]) {
      const wanted = Number(port ?? 0);
      if (kind === 'tcp' && wanted !== 0 && !(await isFree('tcp', wanted))) return [];
      const held = await hold(kind === 'udp' || kind === 'silent' ? kind : 'tcp', wanted);
      others.push(held);
      if (port === undefined) names.set('{other}', String(held.port));
      return [];
    },
    needs: () => Promise.resolve([]),
  };

  return {
    fill: (line) =>
      [...names].reduce((filled, [name, value]) => filled.replaceAll(name, value), line),
    play([verb = '', ...words], input) {
      const step = steps[verb];
      if (!step) throw new Error(`a transcript has no "${verb}"`);
      return step(words, input);
    },
    async [Symbol.asyncDispose]() {
      for (const other of others) await other[Symbol.asyncDispose]();
    },
  };
}

/** With --json every line is for a program, and only standard output has any. */
function mustBeEvent({ stream, text }: Line): void {
  if (stream !== 'out') throw new Error(`not an event: ${stream} ${text}`);
  mustBeLine(JSON.parse(text));
}

/** What no two runs have in common. */
const changing: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '{time}'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d/g, '{time}'],
  [/\[\d\d:\d\d:\d\d\]/g, '{time}'],
  [/blake3:[0-9a-f]{64}/g, '{digest}'],
  [/this machine is [0-9A-Z]{52}/g, 'this machine is {id}'],
  // Told from one second on.
  [/ in \d+ s \([\d.]+ \w+\/s\),/g, ','],
  [/"seconds":[\d.]+,"rate":\d+/g, '"seconds":{seconds},"rate":{rate}'],
];

function inGroups(id: string): string {
  return id.match(/.{1,4}/g)?.join('-') ?? id;
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** Nothing in a transcript hides; the product lets no such character out. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (one) => `<${(one.codePointAt(0) ?? 0).toString(16)}>`);
}

async function hasDefaultPort(): Promise<boolean> {
  for (let port = 30_002; port <= 30_010; port += 1) if (await isFree('tcp', port)) return true;
  return false;
}
