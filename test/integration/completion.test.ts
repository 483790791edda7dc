import { chmod, mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isThere, mayTypeInto } from '../support/privileges.js';
import { removeFolder } from '../support/temporary.js';
import { typeInto, type Shell } from '../support/typing.js';

const bash = 'bash --norc --noprofile -i';
const bashCompletion = '/usr/share/bash-completion/bash_completion';
const shells: readonly (readonly [string, Shell])[] = [
  ['bash', { command: bash, before: ['eval "$(lanpost completion bash)"'] }],
  [
    'bash with bash-completion',
    { command: bash, before: [`. ${bashCompletion}`, 'eval "$(lanpost completion bash)"'] },
  ],
  [
    'zsh',
    {
      command: 'zsh -f -i',
      before: ['autoload -Uz compinit; compinit -u -D', '. =(lanpost completion zsh)'],
    },
  ],
  [
    'zsh, as a file of fpath',
    {
      command: 'zsh -f -i',
      before: [
        'mkdir ../functions; lanpost completion zsh >../functions/_lanpost',
        'fpath=($PWD/../functions $fpath); autoload -Uz compinit; compinit -u -D',
      ],
    },
  ],
  [
    'fish',
    {
      command: `fish --no-config -i -C 'function fish_prompt; echo -n "READY> "; end'`,
      before: ['lanpost completion fish | source'],
    },
  ],
];

/** What anybody can call a machine: each would do something if a shell took it for anything but a word. */
const hostile = {
  m: 'my laptop',
  p: 'p$(touch x)b',
  q: 'q`touch x`',
  i: 'it\'s "r" \\ back',
  h: 'h!!',
  t: 't;touch x',
  u: 'u&touch x',
  s: 's*[ab]{c,d}',
  w: 'w|touch x >x',
  ü: 'über$HOME',
  1: '192.168.1.20:30001',
} as const;
const names = ['amber', ...Object.values(hostile).filter((name) => name !== hostile[1])];
const untypable = ['-rf', '--overwrite', 'n\nl', 'e\u001b[2J', 'z\u202ez'];

const hasBashCompletion = isThere(
  'bash-completion',
  existsSync(bashCompletion) ? null : `${bashCompletion} is missing`,
);
const there = shells.filter(
  ([name, { command }]) =>
    mayTypeInto(command.split(' ')[0] ?? '') &&
    (name !== 'bash with bash-completion' || hasBashCompletion),
);

describe.each(there)('%s', (_, shell) => {
  test('completes verbs, options, servers and files, and takes no name for anything else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lanpost-typing-'));
    try {
      await knowPeers(join(folder, 'state'));
      await using typing = await typeInto(shell, folder);
      await writeFile(join(folder, 'work', 'a file.txt'), '');
      for (const [letter, name] of Object.entries(hostile)) {
        expect(await typing.call(`lanpost get ${letter}\tpath`)).toEqual(['get', name, 'path']);
      }
      for (const [keys, words] of lines)
        expect([keys, await typing.call(keys)]).toEqual([keys, words]);
      const left = await readdir(join(folder, 'work'));
      expect(left.filter((name) => !name.startsWith('.'))).toEqual(['a file.txt']);
    } finally {
      await removeFolder(folder);
    }
  }, 180_000);
});

const lines: readonly (readonly [string, readonly string[]])[] = [
  ['lanpost sca\t--exp\t', ['scan', '--explain']],
  ['lanpost rl\tam\tphotos', ['rlist', 'amber', 'photos']],
  ['lanpost get "m\tpath', ['get', 'my laptop', 'path']],
  ["lanpost get 'm\tpath", ['get', 'my laptop', 'path']],
  ["lanpost get 'i\tpath", ['get', hostile.i, 'path']],
  ['lanpost put am\ta\t', ['put', 'amber', 'a file.txt']],
  ['lanpost put --to=am\ta\t', ['put', '--to=amber', 'a file.txt']],
  ['lanpost put --to amber,m\t a\t', ['put', '--to', 'amber,my laptop', 'a file.txt']],
  ['lanpost put --to amber,p\t a\t', ['put', '--to', `amber,${hostile.p}`, 'a file.txt']],
  ['lanpost --if-taken=up\tput am\tx', ['--if-taken=update', 'put', 'amber', 'x']],
  ['lanpost serve --open=rw a\t', ['serve', '--open=rw', 'a file.txt']],
  ['lanpost --config=a\tscan', ['--config=a file.txt', 'scan']],
  ['lanpost peers ren\t', ['peers', 'rename']],
  ['lanpost help compl\t', ['help', 'completion']],
  // What lies on the server is not asked for, and what lies here is something else.
  ['lanpost get amber a\t', ['get', 'amber', 'a']],
  // No name of a server is an option.
  ['lanpost get --overw\tamber x', ['get', '--overwrite', 'amber', 'x']],
];

async function knowPeers(state: string): Promise<void> {
  const since = '2026-11-20T19:22:00.000Z';
  const idOf = (number: number): string => `${'ABCDEFGHJKMNPQRSTVWXYZ'.charAt(number)}0`.repeat(26);
  const peers = [...names, ...untypable].map((name, number) => ({
    id: idOf(number),
    name,
    rights: [],
    how: 'id',
    since,
  }));
  const pins = [{ place: hostile[1], id: 'Z0'.repeat(26), since }];
  await mkdir(state, { mode: 0o700, recursive: true });
  await writeFile(join(state, 'peers.json'), JSON.stringify({ version: 1, peers, pins }));
  await chmod(join(state, 'peers.json'), 0o600);
}
