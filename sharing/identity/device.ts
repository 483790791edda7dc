import { errnoOf, SharingError, writingTo } from '#sharing/errors.js';
import { makeIdentity } from '#sharing/identity/certificate.js';
import { deviceId } from '#sharing/id.js';
import { openState, readPrivate, statePlaces, writeBeside } from '#sharing/identity/state.js';
import { createPrivateKey, hkdfSync, X509Certificate } from 'node:crypto';
import { link, unlink } from 'node:fs/promises';

/** This machine for one user: a key pair that never changes. */
export interface Device {
  /** 52 symbols. */
  readonly id: string;
  /** Private; PEM. */
  readonly key: string;
  /** PEM. */
  readonly certificate: string;
  /** Secret that makes source tags mean nothing to others. */
  readonly tagKey: Buffer;
  readonly stateFolder: string;
}

/**
 * Opens the device of a state folder; on first use makes folder and key. Throws SharingError
 * `state-unwritable`, `no-room`, `state-not-private` or `state-damaged`.
 */
export async function openDevice(stateFolder: string): Promise<Device> {
  await openState(stateFolder);
  const place = statePlaces(stateFolder).identity;
  const text = (await readPrivate(place)) ?? (await firstUse(place));
  return parse(text, place, stateFolder);
}

/** Two first uses at once must end with one key: whoever links first wins, the other reads. */
async function firstUse(place: string): Promise<string> {
  const text = await makeIdentity();
  await writingTo(place, 'state-unwritable', async () => {
    const temporary = await writeBeside(place, text);
    try {
      await link(temporary, place);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    } finally {
      await unlink(temporary);
    }
  });
  return (await readPrivate(place)) ?? text;
}

function parse(text: string, place: string, stateFolder: string): Device {
  try {
    const certificate = new X509Certificate(text);
    const key = createPrivateKey(text);
    if (!certificate.checkPrivateKey(key)) throw new Error('key and certificate do not match');
    const secret = key.export({ type: 'pkcs8', format: 'der' });
    return {
      id: deviceId(certificate.publicKey),
      key: text,
      certificate: certificate.toString(),
      tagKey: Buffer.from(hkdfSync('sha256', secret, '', 'lanpost source tag', 32)),
      stateFolder,
    };
  } catch (error) {
    throw new SharingError('state-damaged', `${place} cannot be read`, { path: place }, error);
  }
}
