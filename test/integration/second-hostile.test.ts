import { openDevice, type Device } from '#sharing/identity/device.js';
import { digestOf } from '#sharing/storage/digest.js';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  chunkFrame,
  frame,
  saying,
  startHostileServer,
  welcome,
  type HostilePeer,
} from '../support/hostile-peer.js';
import { mayConnectByPython, python } from '../support/second.js';

const content = Buffer.from('from a hostile server\n');
const digest = digestOf('blake3', content);
const tag = 'b'.repeat(32);
const end = saying({ t: 'end', id: 1, file: 0 });
const data = frame(3, content);
const header = chunkFrame({ length: content.length, digest });

type Row = readonly (string | number)[];

const file: Row = ['wanted', content.length, 0, tag];

/** Offers a row, and then says all of this. */
function offering(row: Row, ...said: readonly Buffer[]) {
  return async (client: HostilePeer): Promise<void> => {
    await client.hear('get');
    client.say({ t: 'offer', id: 1, files: [row], more: false });
    await client.hear('want');
    client.raw(...said);
  };
}

/** Offers rows that nobody may offer. */
function batching(...files: readonly Row[]) {
  return async (client: HostilePeer): Promise<void> => {
    await client.hear('get');
    client.say({ t: 'offer', id: 1, files, more: false, batch: true });
  };
}

describe.skipIf(!mayConnectByPython())('the second client puts nothing in place', () => {
  let top: string;
  let device: Device;

  beforeAll(async () => {
    top = await mkdtemp(join(tmpdir(), 'lanpost-second-hostile-'));
    device = await openDevice(join(top, 'server'));
  });

  afterAll(() => rm(top, { recursive: true, force: true }));

  test.each([
    ['of a chunk without its digest', 6, offering(file, header, frame(3, Buffer.alloc(22)), end)],
    ['when the end comes first', 3, offering(file, end)],
    ['of a chunk that is too short', 3, offering(['wanted', 23, 0, tag], header, data, end)],
    ['of a second chunk', 3, offering(file, header, data, header, data, end)],
    ['of more data than announced', 3, offering(file, header, data, data)],
    ['of a file that failed', 5, offering(file, saying({ ...failed(), file: 0 }))],
    ['of a file outside of the folder', 3, batching(['a', 0], ['../b', 0, 0])],
    ['of a folder that was not offered', 3, batching(['a', 0], ['c/b', 0, 0])],
    ['of a hidden name', 3, batching(['a', 0], ['a/.b', 0, 0])],
  ])('%s', async (what, code, script) => {
    const folder = join(top, what);
    await mkdir(folder);
    await using server = await startHostileServer(device, async (client) => {
      await client.hear('hello');
      client.say(welcome);
      await script(client);
    });
    const words = ['127.0.0.1', String(server.port), 'wanted', join(folder, 'wanted')];
    const ended = await python('lanpost.py', ['get', ...words, '--state', join(top, 'state')]);
    expect(ended).toMatchObject({ code });
    expect(ended.lines.at(-1)).toMatchObject({ event: 'failed' });
    expect(await readdir(folder)).toEqual([]);
    await rm(join(top, 'state', 'known.json'));
  });
});

function failed() {
  return { t: 'fail', id: 1, code: 'changed', message: 'the file changed' };
}
