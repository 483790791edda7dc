import { expect, test, vi } from 'vitest';
import type { ScannerEvent } from '#discovery/events.js';
import { scan, type Finding } from '#discovery/scanner.js';
import { encodeAnnouncement } from '#discovery/wire/announcement.js';
import { fakeSockets, type FakeSocket } from '../fake-sockets.js';
import { announcement, entry, recorder } from '../loopback.js';
import { whole } from './answers.js';

interface Scanned {
  readonly findings: readonly Finding[];
  readonly end: ScannerEvent;
  readonly sockets: readonly FakeSocket[];
}

/** A scan in which 10.0.0.9 is announced by mDNS, and answers a probe of its own or not. */
async function scanned(answers: boolean, mdns = true): Promise<Scanned> {
  const fake = fakeSockets();
  const { observe, of } = recorder();
  const interfaces = () => ({ eth0: [entry('10.0.0.1', 24)] });
  const findings: Finding[] = [];
  const stop = new AbortController();
  const running = (async () => {
    // Long enough for a busy machine; a scan that finds something is stopped there.
    const timeoutMs = mdns ? 10_000 : 300;
    const { signal } = stop;
    const options = { port: 30000, timeoutMs, known: [], mdns, interfaces, observe, signal };
    for await (const finding of scan(options, fake.open)) {
      findings.push(finding);
      stop.abort();
    }
  })();
  if (mdns) {
    const asking = await vi.waitFor(() => fake.sockets.find(({ port }) => port === 5353)!);
    asking.deliver(whole('10.0.0.9').toString('latin1'), '10.0.0.9', 5353);
  }
  if (answers) {
    const probing = fake.sockets.find(({ port }) => port === 0)!;
    await vi.waitFor(() => {
      expect(probing.sent.map(({ address }) => address)).toContain('10.0.0.9');
    });
    probing.deliver(
      Buffer.from(encodeAnnouncement(announcement())).toString('latin1'),
      '10.0.0.9',
      30000,
    );
  }
  await running;
  return { findings, end: of('scan-ended')[0]!, sockets: fake.sockets };
}

test('what mDNS announces is asked by a probe of its own and is one row without a mark', async () => {
  const { findings, end, sockets } = await scanned(true);
  expect(findings).toMatchObject([
    { kind: 'server', server: { ...announcement(), addresses: ['10.0.0.9'], marks: [] } },
  ]);
  expect(end).toMatchObject({ servers: 1, announced: 0 });
  for (const { disposals } of sockets) expect(disposals).toBe(1);
});

test('what does not answer is shown all the same, with a mark', async () => {
  const { findings, end } = await scanned(false);
  expect(findings).toMatchObject([
    { kind: 'server', server: { ...announcement(), addresses: ['10.0.0.9'], marks: ['mdns'] } },
  ]);
  expect(end).toMatchObject({ servers: 1, announced: 1 });
});

test('without it nothing is opened on the port of mDNS', async () => {
  const { sockets } = await scanned(false, false);
  expect(sockets.map(({ port }) => port)).toEqual([0]);
});
