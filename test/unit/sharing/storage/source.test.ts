import { paceOf } from '#sharing/storage/disk-pace.js';
import { safePath } from '#sharing/storage/path.js';
import { openShare } from '#sharing/storage/share.js';
import { readWhole, type Source } from '#sharing/storage/source.js';
import { appendFile, link, stat, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

async function open(folder: string, name: string): Promise<Source> {
  const share = await openShare(folder, Buffer.alloc(32));
  onTestFinished(() => share[Symbol.asyncDispose]());
  const source = await share.open(safePath(name));
  onTestFinished(() => source[Symbol.asyncDispose]());
  return source;
}

describe('a source', () => {
  test('that gains and loses a name is the same file', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a'), 'content');
    await link(join(folder, 'a'), join(folder, 'b'));
    const source = await open(folder, 'a');
    await unlink(join(folder, 'b'));
    await source.check();
  });

  test.each<[string, (path: string) => Promise<unknown>]>([
    ['grew', (path) => appendFile(path, 'x')],
    ['was rewritten', (path) => writeFile(path, 'another')],
    ['was rewritten and given its old time', (path) => rewriteInSecret(path)],
  ])('that %s is not', async (_, harm) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a'), 'content');
    await utimes(join(folder, 'a'), 1000, 1000);
    const source = await open(folder, 'a');
    await harm(join(folder, 'a'));
    await expect(source.check()).rejects.toMatchObject({ code: 'changed' });
    await expect(source.read(Buffer.alloc(7), 0)).rejects.toMatchObject({ code: 'changed' });
  });

  test.skipIf(process.platform !== 'linux')(
    'that holds more than its size says is not sent as empty',
    async () => {
      const source = await open('/proc', 'version');
      expect(source.size).toBe(0);
      await expect(source.check()).rejects.toMatchObject({ code: 'changed' });
    },
  );

  test.skipIf(process.platform !== 'linux')(
    'of a batch that holds more than its size says is not sent as empty',
    async () => {
      const stats = await stat('/proc/version', { bigint: true });
      const here = { run: <T>(now: () => T): T => now() };
      const reading = async () => readWhole('/proc/version', stats, Buffer.alloc(1), here);
      await expect(reading()).rejects.toMatchObject({ code: 'changed' });
    },
  );

  test('is read by several at once from a slow disk too', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a'), 'content');
    const source = await open(folder, 'a');
    const { dev } = await stat(folder, { bigint: true });
    // One call that takes long is enough to make it a slow one.
    await paceOf(dev).run(
      () => {
        for (const since = performance.now(); performance.now() < since + 8;);
      },
      () => Promise.resolve(),
    );
    const parts = Array.from({ length: 8 }, () => Buffer.alloc(7));
    await Promise.all(parts.map((part) => source.read(part, 0)));
    expect(parts.map(String)).toEqual(Array(8).fill('content'));
    await source.check();
  });

  test.each([-1e13, 1e13])('whose time is %s s has one that can be said', async (seconds) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'a'), '');
    await utimes(join(folder, 'a'), String(seconds), String(seconds));
    const source = await open(folder, 'a');
    expect(Number.isSafeInteger(source.mtime)).toBe(true);
  });
});

async function rewriteInSecret(path: string): Promise<void> {
  await writeFile(path, 'another');
  await utimes(path, 1000, 1000);
}
