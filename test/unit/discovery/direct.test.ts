import { describe, expect, test } from 'vitest';
import { askDirectly, neighboursOf } from '#discovery/direct.js';
import { encodeAnnouncement } from '#discovery/wire/announcement.js';
import { fakeSockets } from './fake-sockets.js';
import { announcement, entry } from './loopback.js';

describe('the neighbours of our own networks', () => {
  test('all others of a small private network, without its two ends', () => {
    expect(neighboursOf({ e0: [entry('192.168.1.9', 29)] }, 2)).toEqual(
      [10, 11, 12, 13, 14].map((host) => `192.168.1.${host}`),
    );
    expect(neighboursOf({ e0: [entry('192.168.1.9', 24)] }, 2)).toHaveLength(253);
  });

  test('no large network, no public one, no loopback, nothing without neighbours', () => {
    const table = {
      lo: [entry('127.0.0.1', 8, true)],
      e0: [entry('10.0.0.1', 23), entry('203.0.113.9', 24), entry('fe80::1', 64)],
      p0: [entry('10.9.0.1', 31), entry('10.9.0.3', 32)],
    };
    expect(neighboursOf(table, 9)).toEqual([]);
  });

  test('so many networks and no more, each once', () => {
    const nets = [0, 1, 2].map((net) => entry(`10.0.${net}.1`, 24));
    expect(neighboursOf({ e0: nets, e1: [entry('10.0.0.2', 24)] }, 2)).toHaveLength(252 + 253);
  });
});

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
