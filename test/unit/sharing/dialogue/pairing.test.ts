import { serverRun, type PairingDesk } from '#sharing/dialogue/pairing.js';
import { SharingError } from '#sharing/errors.js';
import type { KnownPeer } from '#sharing/identity/known.js';
import { codeWindow } from '#sharing/session/code-window.js';
import { pairAsClient } from '#sharing/session/pairing.js';
import type { ServerRules } from '#sharing/session/server.js';
import type { Connection } from '#sharing/transport/connection.js';
import type { Right } from '#sharing/wire/message.js';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';

const code = 'AAAA0000';
const channel = { exporter: Buffer.alloc(32), clientId: 'C'.repeat(52), serverId: 'S'.repeat(52) };

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
});

function begin(store = slowly) {
  const ending = new AbortController();
  const closings: (SharingError | undefined)[] = [];
  const connection = {
    signal: ending.signal,
    close(error?: SharingError) {
      closings.push(error);
      ending.abort();
    },
  } as Partial<Connection> as Connection;
  const window = codeWindow(() => performance.now());
  window.open(code, 1);
  const stored: string[] = [];
  const desk: PairingDesk = {
    window,
    store: (id) => {
      stored.push(id);
      return store(id);
    },
    onJudged: () => undefined,
    newCode: () => ({ code, expires: 0, voids: 0 }),
  };
  const rules = { paired: () => [], refuse: () => [] } as Partial<ServerRules> as ServerRules;
  const onPaired = (): readonly Right[] => [];
  const options = { connection, rules, desk, channel, address: 'a', onPaired };
  const run = serverRun({ ...options, pairingTime: 30_000 });
  return { run, window, closings, stored, client: pairAsClient(code, channel) };
}

function slowly(id: string): Promise<KnownPeer> {
  const peer: KnownPeer = { id, name: 'client', rights: ['read'], how: 'code', since: '' };
  return new Promise((resolve) => setTimeout(resolve, 10_000, peer));
}

/** The client's proof, once it has the server's share. */
function proofOf({ run, client }: Pick<ReturnType<typeof begin>, 'run' | 'client'>): Buffer {
  const [answer] = run.share(client.share);
  const message = answer?.do === 'send' ? answer.message : undefined;
  const share = message?.t === 'share' ? message.share : '';
  return client.prove(Buffer.from(share, 'hex'));
}

test('who sends its share and no proof has five seconds, for few can pair at once', async () => {
  const { run, closings, client } = begin();
  await vi.advanceTimersByTimeAsync(20_000);
  run.share(client.share);
  await vi.advanceTimersByTimeAsync(4900);
  expect(closings).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  expect(closings).toMatchObject([{ code: 'peer-silent' }]);
  run[Symbol.dispose]();
});

test('who has sent its proof is not cut off while it is judged and stored', async () => {
  const { run, closings, stored, client } = begin();
  await vi.advanceTimersByTimeAsync(20_000);
  const judged = run.proof(proofOf({ run, client }), 'client');
  await vi.advanceTimersByTimeAsync(12_000);
  expect(await judged).toMatchObject([{ do: 'send', message: { t: 'proof' } }]);
  expect(stored).toEqual([channel.clientId]);
  expect(closings).toEqual([]);
});

test('a client that cannot be stored leaves the code good', async () => {
  const full = new SharingError('no-room', 'the disk is full');
  const { run, window, client } = begin(async () => {
    expect(window.code()).toBeUndefined();
    return Promise.reject(full);
  });
  await run.proof(proofOf({ run, client }), 'client');
  expect(window.code()).toBe(code);
});
