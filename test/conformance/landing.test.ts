import {
  appendFile,
  chmod,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { SharingError } from '#sharing/errors.js';
import { openLandingArea, type LandingArea } from '#sharing/storage/area.js';
import { digestOf, digestText } from '#sharing/storage/digest.js';
import { openFolder, type FolderWay } from '#sharing/storage/folder.js';
import { lookAlikes, openComparison } from '#sharing/storage/identical.js';
import { journalHeaderLength, journalMagic } from '#sharing/storage/journal.js';
import { openLanding, type Expected, type Landing } from '#sharing/storage/landing.js';
import { holdWithin } from '#sharing/storage/lock.js';
import { openPartial } from '#sharing/storage/partial.js';
import { listPartials } from '#sharing/storage/partials.js';
import { sweep } from '#sharing/storage/sweep.js';
import { safeName, type SafeName } from '#sharing/storage/path.js';
import { removeReservations, takeReserved } from '#sharing/storage/reservation.js';
import { entrySize, openRoom, openSharedRoom } from '#sharing/storage/room.js';
import { chunkSize } from '#sharing/wire/frame.js';
import { temporaryFolder } from '../support/temporary.js';

const room = openRoom({ keepFree: 0, maxFileSize: 2 ** 40 });
const header = {
  algorithm: 'blake3',
  peer: 'PEER',
  tag: '0'.repeat(32),
  name: 'big.bin',
  size: 3 * chunkSize,
  mtime: 1_600_000_000_123_456,
} as const;
const token = '0123456789abcdef'.repeat(2);

/** The same promises for both ways of reaching a folder: through its handle, and by comparing. */
const ways: FolderWay[] = process.platform === 'linux' ? ['handle', 'compare'] : ['compare'];

describe.each(ways)('a landing, reached by %s', (way) => {
  async function open(path?: string): Promise<{ place: string; area: LandingArea }> {
    const place = path ?? (await temporaryFolder());
    const target = await openFolder(place, way);
    onTestFinished(() => target[Symbol.asyncDispose]());
    const area = await openLandingArea(target);
    onTestFinished(() => area[Symbol.asyncDispose]());
    return { place, area };
  }

  const expected = (content: Buffer, name = 'new_a.bin'): Expected => ({
    name: safeName(name),
    size: content.length,
    mtime: 1_600_000_000_123_456,
    algorithm: 'blake3',
    policy: 'number',
    peer: 'PEER',
    tag: '0'.repeat(32),
  });

  async function write(landing: Landing, content: Buffer, order?: number[]): Promise<void> {
    const count = Math.ceil(content.length / chunkSize);
    for (const chunk of order ?? Array.from({ length: count }, (_, index) => index)) {
      const bytes = content.subarray(chunk * chunkSize, (chunk + 1) * chunkSize);
      await landing.write(chunk, bytes, digestOf('blake3', bytes));
    }
  }

  const visible = async (place: string) =>
    (await readdir(place)).filter((name) => name !== '.lanpost').sort();
  const placeOf = async (place: string, kind: string): Promise<string> => {
    const names = await readdir(join(place, '.lanpost'));
    return join(place, '.lanpost', names.find((name) => name.endsWith(`.${kind}`)) ?? '');
  };
  /** Beside what a receiver holds as long as its folder is open. */
  const left = async (place: string) =>
    (await readdir(join(place, '.lanpost'))).filter((name) => !name.endsWith('.lock'));

  test('is invisible until it is published, then whole, with its time, and nothing is left', async () => {
    const { place, area } = await open();
    const content = Buffer.concat([
      Buffer.alloc(chunkSize, 1),
      Buffer.alloc(chunkSize, 2),
      Buffer.from('end'),
    ]);
    const landing = await openLanding(area, room, expected(content));
    await write(landing, content, [2, 0, 1]);
    expect(await visible(place)).toEqual([]);
    const published = await landing.publish();
    expect(published).toMatchObject({ as: 'new_a.bin', size: content.length });
    expect((await readFile(join(place, 'new_a.bin'))).equals(content)).toBe(true);
    expect(Math.round((await stat(join(place, 'new_a.bin'))).mtimeMs)).toBe(1_600_000_000_123);
    expect(await left(place)).toEqual([]);
  });

  test('of nothing is an empty file', async () => {
    const { place, area } = await open();
    const landing = await openLanding(area, room, expected(Buffer.alloc(0)));
    const { digest } = await landing.publish();
    expect(digest).toBe(digestText('blake3', digestOf('blake3', Buffer.alloc(0))));
    expect((await stat(join(place, 'new_a.bin'))).size).toBe(0);
  });

  test('never overwrites: a taken name gets the next number', async () => {
    const { place, area } = await open();
    await writeFile(join(place, 'new_a.bin'), 'old');
    await symlink('nowhere', join(place, 'new_a (2).bin'));
    const content = Buffer.from('new');
    const landing = await openLanding(area, room, expected(content));
    await write(landing, content);
    expect((await landing.publish()).as).toBe('new_a (3).bin');
    expect(await readFile(join(place, 'new_a.bin'), 'utf8')).toBe('old');
    expect(await readFile(join(place, 'new_a (3).bin'), 'utf8')).toBe('new');
  });

  test('a chunk without its digest is not written, and what is incomplete is not published', async () => {
    const { place, area } = await open();
    const content = Buffer.from('right');
    const landing = await openLanding(area, room, expected(content));
    const wrong = landing.write(0, Buffer.from('wrong'), digestOf('blake3', content));
    await expect(wrong).rejects.toMatchObject({ code: 'damaged' });
    await expect(landing.publish()).rejects.toMatchObject({ code: 'damaged' });
    await landing.leave(false);
    expect(await visible(place)).toEqual([]);
    expect(await left(place)).toEqual([]);
  });

  test('a partial whose size was changed from outside is not published', async () => {
    const { place, area } = await open();
    const content = Buffer.from('right');
    const landing = await openLanding(area, room, expected(content));
    await write(landing, content);
    await writeFile(await placeOf(place, 'part'), 'longer than before');
    await expect(landing.publish()).rejects.toMatchObject({ code: 'damaged' });
    await landing.leave(false);
    expect(await visible(place)).toEqual([]);
  });

  test('the journal has a versioned header and a slot for each chunk that landed', async () => {
    const { place, area } = await open();
    const content = Buffer.alloc(chunkSize + 1, 3);
    const landing = await openLanding(area, room, expected(content));
    await write(landing, content, [1]);
    const journal = await readFile(await placeOf(place, 'journal'));
    const [magic, header = ''] = journal.subarray(0, journalHeaderLength).toString().split('\n');
    expect(magic).toBe(journalMagic);
    expect(JSON.parse(header)).toMatchObject({
      chunkSize,
      name: 'new_a.bin',
      size: content.length,
    });
    const slots = journal.subarray(journalHeaderLength);
    expect(slots.subarray(0, 32)).toEqual(Buffer.alloc(32));
    expect(slots.subarray(32)).toEqual(digestOf('blake3', content.subarray(chunkSize)));
    await landing.leave(false);
  });

  test('the same content is found under the name or a number, other content is not', async () => {
    const { place, area } = await open();
    const content = Buffer.concat([Buffer.alloc(chunkSize, 1), Buffer.from('tail')]);
    const other = Buffer.from(content);
    other[chunkSize] = 0;
    await writeFile(join(place, 'new_a.bin'), other);
    await writeFile(join(place, 'new_a (5).bin'), content);
    await writeFile(join(place, 'other.bin'), content);
    const name = safeName('new_a.bin');
    await using comparison = await compareHere(area, name, content.length);
    const digests = [content.subarray(0, chunkSize), content.subarray(chunkSize)].map((bytes) =>
      digestOf('blake3', bytes),
    );
    expect(comparison.hopeful()).toBe(true);
    await comparison.compare(digests[0]!);
    expect(await comparison.same()).toBeUndefined();
    await comparison.compare(digests[1]!);
    expect(await comparison.same()).toMatchObject({ as: 'new_a (5).bin' });
    await using none = await compareHere(area, safeName('x.bin'), content.length);
    expect(none.hopeful()).toBe(false);
  });

  test.each<[string, (file: string) => Promise<unknown>]>([
    ['was removed', (file) => rm(file)],
    ['was replaced by another', (file) => replace(file)],
    ['was written to', (file) => appendFile(file, 'x')],
  ])('a file that %s while it was compared is not the same', async (_, harm) => {
    const { place, area } = await open();
    const content = Buffer.from('the same');
    await writeFile(join(place, 'new_a.bin'), content);
    const name = safeName('new_a.bin');
    await using comparison = await compareHere(area, name, content.length);
    await comparison.compare(digestOf('blake3', content));
    await harm(join(place, 'new_a.bin'));
    expect(await comparison.same()).toBeUndefined();
    expect(comparison.hopeful()).toBe(false);
  });

  test.each([0, -1, -86_400_000_001, 1_700_000_000_654_321, Number.MIN_SAFE_INTEGER / 1000])(
    'a time of %s microseconds is kept',
    async (mtime) => {
      const { place, area } = await open();
      const landing = await openLanding(area, room, { ...expected(Buffer.alloc(0)), mtime });
      await landing.publish();
      const { mtimeNs } = await stat(join(place, 'new_a.bin'), { bigint: true });
      // A double of seconds holds a microsecond of our time, give or take one.
      expect(Math.abs(Number(mtimeNs / 1000n) - mtime)).toBeLessThanOrEqual(1);
    },
  );

  test('replaces a file whole and at once, and only when it is complete', async () => {
    const { place, area } = await open();
    const name = join(place, 'new_a.bin');
    await writeFile(name, 'the old one');
    const content = Buffer.from('the new one, and longer');
    const replacing = { ...expected(content), policy: 'overwrite' as const };
    const first = await openLanding(area, room, replacing);
    await write(first, content);
    const reason = new SharingError('cancelled', '');
    await expect(first.publish(AbortSignal.abort(reason))).rejects.toBe(reason);
    await first.leave(false);
    expect(await readFile(name, 'utf8')).toBe('the old one');
    const second = await openLanding(area, room, replacing);
    await write(second, content);
    expect(await second.publish()).toMatchObject({ as: 'new_a.bin' });
    expect((await readFile(name)).equals(content)).toBe(true);
    expect(await visible(place)).toEqual(['new_a.bin']);
    expect(await left(place)).toEqual([]);
  });

  test.skipIf(process.platform === 'win32')(
    'never replaces a folder or a link, not even one that came meanwhile',
    async () => {
      for (const stand of [(at: string) => mkdir(at), (at: string) => symlink('elsewhere', at)]) {
        const { place, area } = await open();
        await writeFile(join(place, 'elsewhere'), 'untouched');
        const content = Buffer.from('new');
        const landing = await openLanding(area, room, {
          ...expected(content),
          policy: 'overwrite' as const,
        });
        await write(landing, content);
        await stand(join(place, 'new_a.bin'));
        await expect(landing.publish()).rejects.toMatchObject({ name: 'SharingError' });
        await landing.leave(false);
        expect(await visible(place)).toEqual(['elsewhere', 'new_a.bin']);
        expect(await readFile(join(place, 'elsewhere'), 'utf8')).toBe('untouched');
      }
    },
  );

  test('an update leaves what became newer meanwhile, and is numbered', async () => {
    const { place, area } = await open();
    const content = Buffer.from('offered');
    const landing = await openLanding(area, room, { ...expected(content), policy: 'update' });
    await write(landing, content);
    await writeFile(join(place, 'new_a.bin'), 'newer');
    expect(await landing.publish()).toMatchObject({ as: 'new_a (2).bin' });
    expect(await readFile(join(place, 'new_a.bin'), 'utf8')).toBe('newer');
  });

  test('bytes that come when it was given up, or while it is, leave nothing', async () => {
    const { place, area } = await open();
    const content = Buffer.from('right');
    const late = await openLanding(area, room, expected(content));
    await late.leave(true);
    await expect(write(late, content)).rejects.toMatchObject({ code: 'internal' });
    const crossing = await openLanding(area, room, expected(content));
    const written = write(crossing, content).catch(() => undefined);
    await Promise.all([written, crossing.leave(true)]);
    expect(await left(place)).toEqual([]);
  });

  test('a partial that was taken over is not published', async () => {
    const { place, area } = await open();
    const content = Buffer.from('right');
    const landing = await openLanding(area, room, expected(content));
    await write(landing, content);
    await rm(await placeOf(place, 'lock'));
    await expect(landing.publish()).rejects.toMatchObject({ code: 'write-failed' });
    await landing.leave(false);
    expect(await visible(place)).toEqual([]);
  });

  test('what is being received is not listed, whatever its partial is called', async () => {
    const { place, area } = await open();
    const content = Buffer.alloc(chunkSize + 1, 3);
    const quota = content.length + entrySize;
    const ofPeer = openSharedRoom({ keepFree: 0, maxFileSize: 2 ** 40, quota }).forPeer('PEER');
    const first = await openLanding(area, room, expected(content));
    const second = await openLanding(area, ofPeer, expected(content));
    await write(first, content, [0]);
    await write(second, content, [0]);
    expect(await listPartials(area)).toEqual([]);
    await second.leave(true);
    // What is not kept has cost nothing.
    (await ofPeer.reserve(area.folder, content.length)).release();
    await first.leave(true);
    // Only the one that can be found again is kept.
    expect((await listPartials(area)).map(({ header }) => header.name)).toEqual(['new_a.bin']);
    expect((await left(place)).length).toBe(2);
  });

  test('what is taken back before it has its name is not published', async () => {
    const { place, area } = await open();
    const content = Buffer.from('right');
    const landing = await openLanding(area, room, expected(content));
    await write(landing, content);
    const reason = new SharingError('cancelled', '');
    await expect(landing.publish(AbortSignal.abort(reason))).rejects.toBe(reason);
    await landing.leave(false);
    expect(await visible(place)).toEqual([]);
    expect(await left(place)).toEqual([]);
  });

  test.each([
    ['number', 5, []],
    ['number', chunkSize + 1, []],
    // The file that was there is gone: none at all would be worse.
    ['overwrite', 5, ['new_a.bin']],
    ['overwrite', chunkSize + 1, ['new_a.bin']],
  ] as const)(
    'a name that cannot be made durable is taken away again, unless by policy (%s) it replaces another: %d bytes',
    async (policy, size, there) => {
      const { place, area } = await open();
      if (policy === 'overwrite') await writeFile(join(place, 'new_a.bin'), 'before');
      const content = Buffer.alloc(size, 1);
      const failing = new Error('EIO');
      const target = { ...area.target, sync: () => Promise.reject(failing) };
      const wanted = { ...expected(content), policy };
      const landing = await openLanding({ ...area, target }, room, wanted);
      await write(landing, content);
      await expect(landing.publish()).rejects.toMatchObject({
        code: 'write-failed',
        message: 'EIO',
      });
      await landing.leave(false);
      expect(await visible(place)).toEqual(there);
      expect(await left(place)).toEqual([]);
    },
  );

  test.skipIf(process.platform === 'win32')(
    'the area must be private, ours and no link',
    async () => {
      const place = await temporaryFolder();
      await mkdir(join(place, '.lanpost'));
      await chmod(join(place, '.lanpost'), 0o755);
      await expect(open(place)).rejects.toMatchObject({ code: 'landing-not-private' });
      const linked = await temporaryFolder();
      await mkdir(join(linked, 'elsewhere'), { mode: 0o700 });
      await symlink('elsewhere', join(linked, '.lanpost'));
      await expect(open(linked)).rejects.toMatchObject({ code: 'landing-not-private' });
      expect(await readdir(join(linked, 'elsewhere'))).toEqual([]);
    },
  );

  test.skipIf(process.platform === 'win32')(
    'an area that is just made and not private, as on a disk without owners, goes again',
    async () => {
      const place = await temporaryFolder();
      const foreign = vi.spyOn(process, 'getuid').mockReturnValue(4711);
      onTestFinished(() => {
        foreign.mockRestore();
      });
      await expect(open(place)).rejects.toMatchObject({
        code: 'landing-not-private',
        facts: { why: 'modes' },
      });
      expect(await readdir(place)).toEqual([]);
    },
  );

  test('a partial whose journal cannot hold all of its name is kept and found again', async () => {
    const { area } = await open();
    const name = `${'"é'.repeat(1000)}${'d/'.repeat(300)}end.bin`;
    const long = { ...header, name };
    const partial = await openPartial(area, long, () => Promise.resolve());
    await partial.note(1, digestOf('blake3', Buffer.alloc(0)));
    await partial.close(true);
    const [kept] = await listPartials(area);
    expect(kept?.header.name.length).toBeGreaterThan(1000);
    expect(name.endsWith(kept?.header.name ?? '?')).toBe(true);
    const again = await openPartial(area, long, () => Promise.resolve());
    expect([...again.claims]).toEqual([0, 1, 0]);
    await again.close(false);
  });

  test('without hard links a name is reserved, then taken; a taken one is left', async () => {
    const { place, area } = await open();
    const part = `${token}.part` as const;
    await writeFile(join(place, '.lanpost', part), 'whole');
    await writeFile(join(place, 'taken'), 'before');
    expect(await takeReserved(area, part, safeName('taken'))).toBe(false);
    expect(await readFile(join(place, 'taken'), 'utf8')).toBe('before');
    expect(await takeReserved(area, part, safeName('free'))).toBe(true);
    expect(await readFile(join(place, 'free'), 'utf8')).toBe('whole');
    expect(await left(place)).toEqual([]);
  });

  test('a reservation that a crash left goes at the next start, and nothing else does', async () => {
    const { place, area } = await open();
    const note = async (at: string, name: string): Promise<void> => {
      await writeFile(join(place, '.lanpost', `${at.repeat(32)}.reserved`), name);
    };
    await writeFile(join(place, 'of old'), '');
    await utimes(join(place, 'of old'), 1000, 1000);
    await note('a', 'reserved');
    await note('b', 'filled');
    await note('c', 'of old');
    await note('d', '../outside');
    await note('e', 'never made');
    await writeFile(join(place, 'reserved'), '');
    await writeFile(join(place, 'filled'), 'since');
    await removeReservations(area);
    expect(await visible(place)).toEqual(['filled', 'of old']);
    expect(await left(place)).toEqual([]);
  });

  test('what nothing can go on with goes at once, unless somebody holds it', async () => {
    const { place, area } = await open();
    const lie = (name: string, text = ''): Promise<void> =>
      writeFile(join(place, '.lanpost', name), text);
    const held = 'f'.repeat(32);
    await using _hold = await holdWithin(await area.folder.at(`${held}.lock`), 0);
    const partial = await openPartial(area, header, () => Promise.resolve());
    await partial.close(true);
    const kept = (await left(place)).filter((name) => !name.startsWith(held));
    for (const name of [`${token}.part`, `${token}.17.part`]) await lie(name);
    for (const name of [`${held}.part`, `${held}.17.part`]) await lie(name);
    // Locks that name nobody: one that was taken, one that was about to be.
    for (const name of [`${token}.lock`, `${'e'.repeat(32)}.lock.${'0'.repeat(12)}`]) {
      await lie(name);
      await utimes(join(place, '.lanpost', name), 0, 0);
    }
    expect(await sweep(area, Date.now())).toBe(3);
    const names = [...kept, `${held}.17.part`, `${held}.part`];
    expect((await left(place)).sort()).toEqual(names.sort());
    expect(await readdir(join(place, '.lanpost'))).toContain(`${held}.lock`);
  });

  test('a partial that has its final name already goes, and the file stays', async () => {
    const { place, area } = await open();
    const partial = await openPartial(area, header, () => Promise.resolve());
    await link(await area.folder.at(partial.name), join(place, 'final.bin'));
    await partial.close(true);
    await sweep(area, Date.now());
    expect(await left(place)).toEqual([]);
    expect(await visible(place)).toEqual(['final.bin']);
  });

  test('old partials go, young ones and what is not ours stay', async () => {
    const { place, area } = await open();
    const names = [`${token}.part`, `${token}.journal`, 'notes.txt', 'x.part'];
    for (const name of names) await writeFile(join(place, '.lanpost', name), '');
    await utimes(join(place, '.lanpost', `${token}.part`), 0, 0);
    expect(await sweep(area, Date.now())).toBe(0);
    expect(await sweep(area, Date.now() + 8 * 24 * 60 * 60 * 1000)).toBe(2);
    expect((await left(place)).sort()).toEqual(['notes.txt', 'x.part']);
  });
});

async function compareHere({ target }: LandingArea, name: SafeName, size: number) {
  const names = await lookAlikes(target, name, size, true);
  return openComparison(target, names, size, 'blake3');
}

async function replace(file: string): Promise<void> {
  await writeFile(`${file}.other`, await readFile(file));
  await rename(`${file}.other`, file);
}
