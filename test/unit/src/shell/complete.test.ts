import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Names, Sources } from '#src/shell/candidates.js';
import { complete } from '#src/shell/complete.js';
import { readWords, splitLine } from '#src/shell/words.js';

/** Names as `ls -p` shows them: a folder ends with a slash. */
function names(...shown: string[]): Names {
  const found = shown.map((one) => ({ name: one.replace(/\/$/, ''), isFolder: one.endsWith('/') }));
  return { names: found, cut: false };
}

const none: Sources = {
  servers: () => Promise.resolve([]),
  local: () => Promise.resolve(names()),
  remote: () => Promise.resolve(names()),
};

const share: Readonly<Record<string, Names>> = {
  '': names('welcome.txt', 'photos/', 'two words.txt', 'two weeks/', 'Report.pdf', '-x', '.hidden'),
  photos: names('summer/', 'a.jpg', 'b.jpg'),
};

const sources: Sources = {
  servers: () => Promise.resolve(['amber', 'birch', 'attic room']),
  local: (folder, inLocalFolder) =>
    Promise.resolve(
      folder === '/etc/'
        ? names('hosts')
        : inLocalFolder
          ? names('notes.txt', 'my photos/')
          : names('code.txt'),
    ),
  remote: (folder) => Promise.resolve(share[folder] ?? names()),
};

/** The line as it becomes, or what is shown when it stays. */
async function after(
  line: string,
  from = sources,
  platform: NodeJS.Platform = 'linux',
): Promise<string | readonly string[] | undefined> {
  const found = await complete(line, from, platform);
  if (!found) return undefined;
  const becomes = line.slice(0, line.length - found.replaced.length) + found.text;
  return becomes === line ? found.shown : becomes;
}

test.each<[string, string | readonly string[] | undefined]>([
  // Verbs, and aliases where nothing else is meant
  ['co', 'con'],
  ['con', ['config', 'connect']],
  ['conn', 'connect '],
  ['rl', 'rlist '],
  ['ls', 'ls '],
  ['li', 'list '],
  ['frob', undefined],
  ['serv', undefined],
  // Options
  ['get --ov', 'get --overwrite '],
  ['get --co', undefined],
  ['rlist --co', undefined],
  ['put n --co', undefined],
  ['put n --to amber --co', 'put n --to amber --code-file '],
  ['put n --to=amber --co', 'put n --to=amber --code-file '],
  ['connect amber --co', 'connect amber --code-file '],
  ['get --overwrite --ov', undefined],
  ['get a --s', 'get a --skip '],
  ['get -- --s', undefined],
  ['llist --b', 'llist --bytes '],
  // Servers
  ['connect a', ['amber', 'attic room']],
  ['connect am', 'connect amber '],
  ['connect AM', 'connect amber '],
  ['connect at', 'connect attic\\ room '],
  ['connect "at', 'connect "attic room" '],
  ['connect amber ', undefined],
  ['doctor b', 'doctor birch '],
  ['put x --to b', 'put x --to birch '],
  ['put x --to amber,b', 'put x --to amber,birch '],
  ['put x --to amber,am', undefined],
  ['put x --to=al', 'put x --to=all '],
  // Remote paths
  ['get w', 'get welcome.txt '],
  ['get p', 'get photos/'],
  ['get photos/', ['a.jpg', 'b.jpg', 'summer/']],
  ['get photos/s', 'get photos/summer/'],
  ['get two', 'get two\\ w'],
  ['get two\\ wo', 'get two\\ words.txt '],
  ['get two\\', 'get two\\ w'],
  ['get "two wo', 'get "two words.txt" '],
  ["get 'two we", "get 'two weeks/"],
  ['get "two words.txt', 'get "two words.txt" '],
  ['get r', 'get Report.pdf '],
  ['get nothing', undefined],
  ['get welcome.txt p', 'get welcome.txt photos/'],
  ['get -- -', 'get -- -x '],
  ['get .', 'get .hidden '],
  ['get --as x w', 'get --as x welcome.txt '],
  ['get --as w', undefined],
  ['rlist photos/s', 'rlist photos/summer/'],
  // Local paths: of words in the local folder, of options where the program was started
  ['put n', 'put notes.txt '],
  ['put my', 'put my\\ photos/'],
  ['put /etc/h', 'put /etc/hosts '],
  ['llist m', 'llist my\\ photos/'],
  ['connect w --code-file c', 'connect w --code-file code.txt '],
  ['help sh', 'help shutdown '],
  ['help get ', undefined],
  ['bye ', undefined],
])('%s', async (line, becomes) => {
  expect(await after(line)).toEqual(becomes);
});

test('every verb of the prompt, and no alias, stands where nothing is typed', async () => {
  const shown = (await after('')) as readonly string[];
  expect(shown).toContain('put');
  expect(shown).not.toContain('lls');
  expect(shown).not.toContain('serve');
});

describe('names that a terminal would obey', () => {
  const wild: Sources = {
    ...none,
    remote: () => Promise.resolve(names('a\u001b[2Jb', 'a\u202ec/')),
  };

  test('are shown in words, and never put into the line', async () => {
    expect(await after('get ', wild)).toBe('get a');
    expect(await after('get a', wild)).toEqual(['a\\u{1b}[2Jb', 'a\\u{202e}c/']);
    const one: Sources = { ...none, remote: () => Promise.resolve(names('b\u0007x')) };
    expect(await after('get ', one)).toBe('get b');
    expect(await after('get b', one)).toEqual(['b\\u{7}x']);
  });
});

test('a listing that was cut leaves open whether there are others', async () => {
  const cut: Sources = { ...none, remote: () => Promise.resolve({ ...names('abc'), cut: true }) };
  expect(await after('get a', cut)).toBe('get abc');
  expect(await after('get abc', cut)).toEqual(['abc', '...']);
});

test('of very many candidates some are shown, and the others counted', async () => {
  const many = Array.from({ length: 1000 }, (_, at) => `n${at}`);
  const from = { ...none, remote: () => Promise.resolve(names(...many)) };
  const found = await complete('get n', from, 'linux');
  expect(found?.shown).toHaveLength(201);
  expect(found?.shown.at(-1)).toBe('... and 800 more');
});

test('what begins alike is never cut in the middle of a character', async () => {
  const from: Sources = { ...none, remote: () => Promise.resolve(names('😀', '😁')) };
  expect(await after('get ', from)).toEqual(['😀', '😁']);
});

test('whatever a file is called, the completed line names it', async () => {
  const name = fc
    .string({
      unit: fc.constantFrom('a', 'b', ' ', '"', "'", '\\', '&', '#', '-', '=', 'ü', '😀'),
      minLength: 1,
      maxLength: 8,
    })
    .filter((text) => !text.startsWith('-'));
  const opening = fc.constantFrom('', '"', "'");
  const platform = fc.constantFrom('linux', 'win32');
  await fc.assert(
    fc.asyncProperty(name, opening, fc.nat(8), platform, async (text, quoted, length, system) => {
      const from: Sources = { ...none, remote: () => Promise.resolve(names(text)) };
      const typed = Array.from(text).slice(0, length).join('');
      const begun =
        quoted === ''
          ? typed.replace(/^#|[\s"'\\]/g, '\\$&')
          : quoted === '"'
            ? quoted + typed.replace(/["\\]/g, '\\$&')
            : quoted + typed.replaceAll("'", "'\\''");
      const line = await after(`get ${begun}`, from, system);
      expect(splitLine(String(line), system).words).toEqual(['get', text]);
      expect(readWords(String(line), system).last).toBeUndefined();
    }),
  );
});

test('on Windows a path has its folders before either slash, as it was typed', async () => {
  const folders: string[] = [];
  const from: Sources = {
    ...none,
    local: (folder) => {
      folders.push(folder);
      return Promise.resolve(names('my pictures/', 'notes.txt'));
    },
  };
  expect(await after('put C:\\Users\\n', from, 'win32')).toBe('put C:\\Users\\notes.txt ');
  expect(await after('put C:\\Users/m', from, 'win32')).toBe('put C:\\Users/my\\ pictures/');
  expect(folders).toEqual(['C:\\Users\\', 'C:\\Users/']);
});
