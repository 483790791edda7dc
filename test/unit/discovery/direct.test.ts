import { describe, expect, test } from 'vitest';
import { askDirectly } from '#discovery/direct.js';
import { encodeAnnouncement } from '#discovery/wire/announcement.js';
import { fakeSockets } from './fake-sockets.js';
import { announcement } from './loopback.js';

describe('asking one by one', () => {
  test('each so often; who answers is told once', async () => {
    const { open, sockets } = fakeSockets();
    const addresses = Array.from({ length: 20 }, (_, n) => `10.0.0.${n + 1}`);
    const reply = Buffer.from(encodeAnnouncement(announcement())).toString('latin1');
    const options = { port: 30_000, addresses, times: 2, listenMs: 1 };
    const { errors, answers } = await askDirectly(options, async (made) => {
      const opened = await open(made);
      sockets[0]?.deliver(reply, '10.0.0.7', 30_000);
      sockets[0]?.deliver(reply, '10.0.0.7', 30_000);
      sockets[0]?.deliver('junk', '10.0.0.8', 30_000);
      return opened;
    });
    expect(sockets[0]?.sent).toHaveLength(40);
    expect(answers).toMatchObject([{ address: '10.0.0.7', name: 'Amber', port: 30_001 }]);
    expect([...errors]).toEqual([]);
    expect(sockets[0]?.disposals).toBe(1);
    expect(sockets[0]?.sent[0]?.address).toBe('10.0.0.1');
  });

  test('many from several sockets, each of which would be stopped by hosts that are not there', async () => {
    const { open, sockets } = fakeSockets();
    const addresses = Array.from({ length: 300 }, (_, n) => `10.0.${n >> 8}.${n & 255}`);
    await askDirectly({ port: 30_000, addresses, times: 1, listenMs: 0 }, open);
    expect(sockets.map(({ sent }) => sent.length)).toEqual([128, 128, 44]);
    expect(sockets.flatMap(({ sent }) => sent.map(({ address }) => address))).toEqual(addresses);
    expect(sockets.map(({ disposals }) => disposals)).toEqual([1, 1, 1]);
  });

  test('over IPv6 too', async () => {
    const { open, sockets } = fakeSockets();
    const options = { port: 30_000, addresses: ['fe80::1%eth0'], times: 1, listenMs: 0 };
    await askDirectly(options, open);
    expect(sockets[0]?.options.address).toBe('::');
    expect(sockets[0]?.sent[0]?.address).toBe('fe80::1%eth0');
  });

  test('a code for each address that cannot be asked, and for all without a socket', async () => {
    const { open } = fakeSockets(['EMFILE']);
    const options = { port: 30_000, addresses: ['10.0.0.1'], times: 1, listenMs: 0 };
    expect((await askDirectly(options, open)).errors.get('10.0.0.1')).toBe('EMFILE');
    const failing = fakeSockets();
    const asked = await askDirectly(options, async (made) => {
      const opened = await failing.open(made);
      failing.sockets[0]!.sendCode = 'ENETUNREACH';
      return opened;
    });
    expect(asked.errors.get('10.0.0.1')).toBe('ENETUNREACH');
  });
});
