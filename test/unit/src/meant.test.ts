import { SharingError } from '#sharing/errors.js';
import type { Entry, Page } from '#sharing/local.js';
import { expect, test, vi } from 'vitest';
import { meanings, withMeant } from '#src/meant.js';

const notFound = new SharingError('not-found', 'ENOENT', { local: true });

function pageOf(...names: readonly string[]): Page {
  return { entries: names.map((name) => ({ name }) as Entry), unshared: 0 };
}

/** A folder that holds these. */
function holding(...names: readonly string[]) {
  async function* pages() {
    await Promise.resolve();
    yield pageOf(...names);
  }
  return vi.fn<Parameters<typeof withMeant>[2]>(() => pages());
}

async function meant(path: string, list: Parameters<typeof withMeant>[2], error = notFound) {
  const found = await withMeant(error, path, list);
  return found instanceof SharingError ? found.facts['meant'] : undefined;
}

test('the nearest name of the same folder is meant', async () => {
  const list = holding('welcome.txt', 'other.txt');
  expect(await meant('welcme.txt', list)).toBe('welcome.txt');
  expect(list.mock.lastCall?.[0]).toBe('');
  expect(await meant('a/b/welcme.txt', list)).toBe('a/b/welcome.txt');
  expect(list.mock.lastCall?.[0]).toBe('a/b');
  expect(await meant('WELCOME.txt/', list)).toBe('welcome.txt');
  expect(await meant('nothing', list)).toBeUndefined();
});

test('the facts of the failure stay', async () => {
  const found = await withMeant(notFound, 'welcme.txt', holding('welcome.txt'));
  expect(found).toMatchObject({ code: 'not-found', facts: { local: true, meant: 'welcome.txt' } });
});

test('nobody is asked for a pattern, nor when something else failed', async () => {
  const list = holding('welcome.txt');
  expect(await meant('welcom?.txt', list)).toBeUndefined();
  expect(await meant('welcme.txt', list, new SharingError('changed', ''))).toBeUndefined();
  expect(await withMeant('words', 'welcme.txt', list)).toBe('words');
  expect(list).not.toHaveBeenCalled();
});

test('a folder that cannot be listed, or has no end, is no failure', async () => {
  const broken = async function* () {
    await Promise.resolve();
    yield pageOf('welcome.txt');
    throw new SharingError('connection-lost', '');
  };
  expect(await meant('welcme.txt', broken)).toBe('welcome.txt');
  let pages = 0;
  const endless = async function* () {
    for (;;) {
      await Promise.resolve();
      pages += 1;
      yield pageOf(...Array.from({ length: 500 }, () => 'x'.repeat(200)));
    }
  };
  expect(await meant('y'.repeat(200), endless)).toBeUndefined();
  expect(pages).toBe(20);
});

test('for many names a folder is listed once, and the first ten get a suggestion', async () => {
  const list = holding('welcome.txt');
  const meaning = meanings();
  const found: unknown[] = [];
  for (let count = 0; count < 12; count += 1) {
    const error = await meaning(notFound, 'welcme.txt', list);
    found.push(error instanceof SharingError ? error.facts['meant'] : error);
  }
  expect(found.filter((one) => one === 'welcome.txt')).toHaveLength(10);
  expect(list).toHaveBeenCalledTimes(1);
});

test('the root is another folder than the one where relative names begin', async () => {
  const meaning = meanings();
  await meaning(notFound, '/welcme.txt', holding('other.txt'));
  const error = await meaning(notFound, 'welcme.txt', holding('welcome.txt'));
  expect(error).toMatchObject({ facts: { meant: 'welcome.txt' } });
});
