import { X509Certificate } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openDevice } from '#sharing/identity/device.js';
import { mustBeApart, readPrivateFile } from '#sharing/identity/state.js';
import { temporaryFolder } from '../../../support/temporary.js';

const posix = process.platform !== 'win32';
const code = (expected: string) => expect.objectContaining({ code: expected }) as Error;

describe('a device', () => {
  test('is made once, privately, and is the same afterwards', async () => {
    const folder = join(await temporaryFolder(), 'a', 'state');
    const device = await openDevice(folder);
    expect(await openDevice(folder)).toEqual(device);
    expect(await readdir(folder)).toEqual(['identity.pem']);
    if (!posix) return;
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'identity.pem'))).mode & 0o777).toBe(0o600);
  });

  test('has a certificate that names nobody and that its own key signed', async () => {
    const { certificate } = await openDevice(join(await temporaryFolder(), 'state'));
    const x509 = new X509Certificate(certificate);
    expect(x509.subject).toBe('CN=lanpost');
    expect(x509.verify(x509.publicKey)).toBe(true);
    expect(x509.ca).toBe(false);
    expect(x509.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(new Date(x509.validFrom).getUTCFullYear()).toBe(2020);
    expect(new Date(x509.validTo).getUTCFullYear()).toBe(9999);
  });

  test('two first uses at once end with one key', async () => {
    const folder = join(await temporaryFolder(), 'state');
    const both = await Promise.all([openDevice(folder), openDevice(folder), openDevice(folder)]);
    expect(new Set(both.map(({ id }) => id)).size).toBe(1);
    expect(await readdir(folder)).toEqual(['identity.pem']);
  });

  test('a damaged key is said to be damaged, never replaced', async () => {
    const folder = join(await temporaryFolder(), 'state');
    await openDevice(folder);
    const place = join(folder, 'identity.pem');
    const text = await readFile(place, 'utf8');
    for (const damaged of ['', 'nothing', text.slice(0, 100), text.replace(/M/, 'N')]) {
      await writeFile(place, damaged);
      await expect(openDevice(folder)).rejects.toThrow(code('state-damaged'));
      expect(await readFile(place, 'utf8')).toBe(damaged);
    }
  });

  test('a key and a certificate that do not belong together are damaged', async () => {
    const [one, two] = [join(await temporaryFolder(), 's'), join(await temporaryFolder(), 's')];
    const [first, second] = [await openDevice(one), await openDevice(two)];
    const key = first.key.split('-----BEGIN CERTIFICATE-----')[0] ?? '';
    await writeFile(join(one, 'identity.pem'), `${key}${second.certificate}`);
    await expect(openDevice(one)).rejects.toThrow(code('state-damaged'));
  });

  test.runIf(posix)(
    'a folder or a key that others may read is refused, with its place',
    async () => {
      const folder = join(await temporaryFolder(), 'state');
      await openDevice(folder);
      await chmod(join(folder, 'identity.pem'), 0o640);
      await expect(openDevice(folder)).rejects.toMatchObject({
        code: 'state-not-private',
        facts: { path: join(folder, 'identity.pem'), why: 'open' },
      });
      await chmod(join(folder, 'identity.pem'), 0o600);
      await chmod(folder, 0o711);
      await expect(openDevice(folder)).rejects.toThrow(code('state-not-private'));
    },
  );

  test('a state folder that cannot be made is said to be so', async () => {
    const base = await temporaryFolder();
    await writeFile(join(base, 'file'), '');
    await expect(openDevice(join(base, 'file', 'state'))).rejects.toThrow(code('state-unwritable'));
  });
});

describe('share and state', () => {
  test.each([
    ['share', 'state', true],
    ['share', 'share/state', false],
    ['state/share', 'state', false],
    ['both', 'both', false],
    ['share', 'share-state', true],
  ])('share %s, state %s: apart %s', async (share, state, apart) => {
    const base = await temporaryFolder();
    for (const folder of [share, state]) await mkdir(join(base, folder), { recursive: true });
    const judged = mustBeApart(join(base, state), join(base, share));
    if (apart) await judged;
    else await expect(judged).rejects.toThrow(code('folder-overlaps-state'));
  });

  test.runIf(posix)('a link does not hide that one lies in the other', async () => {
    const base = await temporaryFolder();
    await mkdir(join(base, 'state', 'inner'), { recursive: true });
    await symlink(join('state', 'inner'), join(base, 'share'));
    const judged = mustBeApart(join(base, 'state'), join(base, 'share'));
    await expect(judged).rejects.toThrow(code('folder-overlaps-state'));
  });

  test('a share that is not there is missing', async () => {
    const base = await temporaryFolder();
    await expect(mustBeApart(base, join(base, 'nothing'))).rejects.toThrow(code('folder-missing'));
  });
});

test.runIf(posix)('a private file of the user may be a link, whatever it is called', async () => {
  const base = await temporaryFolder();
  await writeFile(join(base, 'secret'), 'K7QF-3M2X', { mode: 0o600 });
  for (const name of ['code.txt', 'code.json']) {
    await symlink('secret', join(base, name));
    expect(await readPrivateFile(join(base, name))).toBe('K7QF-3M2X');
  }
});
