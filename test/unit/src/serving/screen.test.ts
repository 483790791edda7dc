import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { SharingEvent } from '#sharing/events.js';
import type { ClientStanding, Standing, TransferStanding } from '#sharing/server.js';
import { bytesText } from '#src/view/format.js';
import { servingScreen } from '#src/serving/screen.js';

const id = '0123456789ABCDEFGHJKMNPQRSTVWXYZ0123456789ABCDEFGHJK';
const totals = { filesIn: 0, filesOut: 0, bytesIn: 0, bytesOut: 0, refused: 0, paired: 0 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function open(sizeText = bytesText) {
  const lines: string[] = [];
  const drawn: string[] = [];
  const standing: { clients: ClientStanding[]; transfers: TransferStanding[] } = {
    clients: [],
    transfers: [],
  };
  const screen = servingScreen({
    view: {
      sizeText,
      note: (text) => lines.push(text.replace(/^\d\d:\d\d {2}/, '')),
      status: {
        isDue: () => true,
        columns: () => 80,
        draw: (text) => drawn.push(text),
        clear: () => drawn.push('cleared'),
      },
    },
    standing: (): Standing => ({ uptime: 0, totals, ...standing }),
    now: Date.now,
    clock: () => performance.now(),
  });
  return { screen, lines, drawn, standing };
}

const comes = (session: number, more: object = {}): SharingEvent => ({
  event: 'client-in',
  session,
  address: `10.0.0.${session}`,
  id,
  name: `client-${session}`,
  as: 'peer',
  rights: ['read', 'write'],
  ...more,
});
const goes = (session: number): SharingEvent => ({
  event: 'client-out',
  session,
  name: `client-${session}`,
  code: 'bye',
  message: '',
});
const client = (session: number): ClientStanding => {
  return { ...(comes(session) as unknown as ClientStanding), since: 0 };
};
const transfer = (session: number, more: object = {}): TransferStanding => ({
  session,
  direction: 'out',
  path: 'film.mkv',
  bytes: 50,
  size: 100,
  rate: 2048,
  ...more,
});

test('who comes and goes, what it got and brought: a line each', () => {
  const { screen, lines } = open();
  const digest = '';
  screen.sharing(comes(1));
  screen.sharing({
    event: 'client-rights',
    session: 1,
    name: '',
    rights: ['read', 'write', 'replace'],
  });
  screen.sharing({ event: 'listed', session: 1, path: '' });
  screen.sharing({
    event: 'file-out',
    session: 1,
    path: 'a.txt',
    as: 'a',
    size: 5,
    digest,
    took: 9,
  });
  const many = { path: 'photos', further: 0, files: 12, bytes: 2048, failed: 1, took: 3000 };
  screen.sharing({ event: 'many-in', session: 1, ...many });
  screen.sharing(goes(1));
  screen.sharing(comes(2, { as: 'owner' }));
  screen.sharing(comes(3, { as: 'open', name: 'birch\u202e' }));
  screen.sharing({ event: 'many-out', session: 3, ...many, further: 2 });
  screen.sharing({
    ...goes(3),
    code: 'no-right',
    message: 'your rights were changed',
  } as SharingEvent);
  expect(lines).toEqual([
    'client-1 joined  10.0.0.1  (read, write)',
    'client-1 now has the rights read, write, replace',
    'client-1 got a.txt  5 B',
    'client-1 brought photos  12 files, 1 FAILED  2 KiB in 3 s',
    'client-1 left',
    'client-2 joined  10.0.0.2  (the owner)',
    'unverified 0123-4567-89AB-CDEF (birch\\u{202e}) joined  10.0.0.3  (read, write)',
    // It may call itself by the name of somebody who is known.
    'unverified 0123-4567-89AB-CDEF got photos and 2 more  12 files, 1 FAILED  2 KiB in 3 s',
    'unverified 0123-4567-89AB-CDEF left: its rights were changed',
  ]);
});

test('a class of fifty does not flood it, and does not hide a pairing', () => {
  const { screen, lines } = open();
  for (let n = 1; n <= 50; n += 1) screen.sharing(comes(n));
  screen.sharing({ event: 'paired', id, peer: 'birch' });
  for (let n = 1; n <= 50; n += 1) screen.sharing(goes(n));
  expect(lines).toHaveLength(13);
  expect(lines.at(-1)).toBe('paired with birch');
  vi.advanceTimersByTime(6000);
  expect(lines.at(-1)).toBe('and 88 lines more, which only the log has');
  expect(lines).toHaveLength(14);
  expect(vi.getTimerCount()).toBe(0);
});

test('what moves has rows, a few of them, until nothing does', () => {
  const { screen, drawn, standing } = open();
  standing.clients = [client(1), client(2)];
  standing.transfers = [
    transfer(1, { path: `${'x'.repeat(60)}\u001b[2J` }),
    transfer(2, { direction: 'in', files: { done: 3, of: 9, counted: false } }),
  ];
  screen.sharing(comes(1));
  vi.advanceTimersByTime(300);
  expect(drawn).toEqual([
    `  client-1 gets ${'x'.repeat(31)}…  50 %  50 B of 100 B  2 KiB/s\n` +
      '  client-2 brings film.mkv  3 of 9+ files  50 B  2 KiB/s',
  ]);
  standing.transfers = Array.from({ length: 50 }, () => transfer(1));
  vi.advanceTimersByTime(250);
  const rows = drawn.at(-1)?.split('\n') ?? [];
  expect(rows).toHaveLength(6);
  expect(rows.at(-1)).toBe('  and 45 more  90 KiB/s');
  standing.transfers = [];
  standing.clients = [];
  vi.advanceTimersByTime(250);
  expect(drawn.at(-1)).toBe('cleared');
  expect(vi.getTimerCount()).toBe(0);
  screen[Symbol.dispose]();
});

test('a program that has the port of discovery is told of', () => {
  const { screen, lines } = open();
  const taken = { kind: 'port-taken', port: 30_000, retryMs: 5000 } as const;
  screen.discovery({ ...taken, address: '0.0.0.0' });
  screen.discovery({ ...taken, address: '::' });
  expect(lines).toEqual([
    'UDP port 30000 is used by another program: this server does not answer there',
  ]);
  screen[Symbol.dispose]();
});

test('sizes are shown to the byte if that is asked for', () => {
  const { screen, lines, drawn, standing } = open((bytes) => `${bytes} B`);
  standing.clients = [client(1)];
  standing.transfers = [transfer(1)];
  screen.sharing(comes(1));
  vi.advanceTimersByTime(300);
  const file = { session: 1, path: 'a.txt', as: 'a', size: 2048, digest: '', took: 9 };
  screen.sharing({ event: 'file-out', ...file });
  expect(drawn).toContain('  client-1 gets film.mkv  50 %  50 B of 100 B  2048 B/s');
  expect(lines.at(-1)).toBe('client-1 got a.txt  2048 B');
});
