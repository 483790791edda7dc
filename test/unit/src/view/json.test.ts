import { expect, test } from 'vitest';
import type { Answer } from '#src/view/answer.js';
import { jsonLine } from '#src/view/json.js';

const id = '0123456789ABCDEFGHJKMNPQRSTVWXYZ0123456789ABCDEFGHJK';

/** One of each; the keys are a promise to scripts. */
const answers = {
  server: [
    {
      event: 'server',
      name: 'amber',
      id,
      port: 30_001,
      addresses: ['192.168.1.20'],
      code: true,
      marks: [],
    },
    ['name', 'id', 'port', 'addresses', 'code', 'marks'],
  ],
  address: [
    { event: 'address', id, name: 'amber', address: '10.0.0.1', port: 30_001 },
    ['id', 'name', 'address', 'port'],
  ],
  entry: [
    { event: 'entry', path: 'a/b.txt', type: 'file', size: 5, mtime: 1_000_000 },
    ['path', 'type', 'size', 'mtime'],
  ],
  received: [
    {
      event: 'received',
      path: 'a/b.txt',
      as: 'clientDirectory/new_b.txt',
      size: 5,
      digest: 'blake3:00',
      identical: false,
    },
    ['path', 'as', 'size', 'digest', 'identical'],
  ],
  stored: [
    {
      event: 'stored',
      path: 'b.txt',
      as: 'new_b.txt',
      size: 5,
      digest: 'blake3:00',
      identical: true,
    },
    ['path', 'as', 'size', 'digest', 'identical'],
  ],
  failed: [
    { event: 'failed', path: 'b.txt', code: 'not-found', message: 'no such file', exit: 5 },
    ['path', 'code', 'message', 'exit'],
  ],
  connected: [
    {
      event: 'connected',
      name: 'amber',
      id,
      address: '::1',
      port: 30_001,
      trust: 'self',
      rights: ['read'],
    },
    ['name', 'id', 'address', 'port', 'trust', 'rights'],
  ],
  unverified: [{ event: 'unverified', name: 'amber', id }, ['name', 'id']],
  code: [
    { event: 'code', code: 'K7QF-3M2X', expires: '2026-11-20T19:32:00.000Z' },
    ['code', 'expires'],
  ],
  peer: [
    {
      event: 'peer',
      name: 'amber',
      id,
      rights: ['read'],
      how: 'code',
      since: '2026-11-20T19:22:00.000Z',
    },
    ['name', 'id', 'rights', 'how', 'since'],
  ],
  pin: [
    { event: 'pin', place: '10.0.0.9:30001', id, since: '2026-11-20T19:22:00.000Z' },
    ['place', 'id', 'since'],
  ],
  partial: [
    {
      event: 'partial',
      folder: 'clientDirectory',
      name: 'new_a.bin',
      peer: id,
      size: 10,
      bytes: 5,
      mtime: 0,
      removed: false,
    },
    ['folder', 'name', 'peer', 'size', 'bytes', 'mtime', 'removed'],
  ],
  folder: [
    {
      event: 'folder',
      path: 'a',
      as: 'new_a',
      files: 3,
      bytes: 12,
      identical: 1,
      skipped: 0,
      failed: 0,
    },
    ['path', 'as', 'files', 'bytes', 'identical', 'skipped', 'failed'],
  ],
  broken: [
    { event: 'broken', name: 'amber', code: 'connection-lost', message: 'lost' },
    ['name', 'code', 'message'],
  ],
  back: [{ event: 'back', name: 'amber' }, ['name']],
  'left-out': [{ event: 'left-out', links: 1, hidden: 2 }, ['links', 'hidden']],
  job: [{ event: 'job', number: 1, line: 'get a', state: 'done' }, ['number', 'line', 'state']],
  skipped: [{ event: 'skipped', path: 'a.txt', as: 'new_a.txt' }, ['path', 'as']],
  bye: [{ event: 'bye', name: 'amber' }, ['name']],
  serving: [
    {
      event: 'serving',
      name: 'amber',
      id,
      port: 30_001,
      addresses: [],
      folder: '/srv/share',
      open: 'no',
      mode: 'share',
    },
    ['name', 'id', 'port', 'addresses', 'folder', 'open', 'mode'],
  ],
  stopped: [{ event: 'stopped' }, []],
  service: [{ event: 'service', scope: 'user', unit: '[Unit]\n' }, ['scope', 'unit']],
  status: [
    {
      event: 'status',
      name: 'amber',
      id,
      port: 30_001,
      pid: 1001,
      folder: '/srv/share',
      uptime: 60,
      clients: 1,
      transfers: 1,
      filesIn: 0,
      filesOut: 2,
      bytesIn: 0,
      bytesOut: 10,
      refused: 0,
      paired: 1,
      maxClients: 256,
      maxFileSize: 1000,
      quota: 1000,
      free: null,
      keepFree: 10,
    },
    (
      'name id port pid folder uptime clients transfers filesIn filesOut bytesIn bytesOut ' +
      'refused paired maxClients maxFileSize quota free keepFree'
    ).split(' '),
  ],
  client: [
    {
      event: 'client',
      name: 'birch',
      id,
      address: '192.168.1.9',
      as: 'peer',
      rights: ['read'],
      since: '2026-11-20T19:22:00.000Z',
    },
    ['name', 'id', 'address', 'as', 'rights', 'since'],
  ],
  transfer: [
    {
      event: 'transfer',
      client: 'birch',
      id,
      direction: 'out',
      path: 'film.mkv',
      bytes: 5,
      size: 10,
      rate: 1,
      files: null,
    },
    ['client', 'id', 'direction', 'path', 'bytes', 'size', 'rate', 'files'],
  ],
  shutdown: [{ event: 'shutdown', port: 30_001, folder: '/srv/share' }, ['port', 'folder']],
  setting: [
    { event: 'setting', key: 'udpPort', value: 30_000, text: '30000', origin: 'the default' },
    ['key', 'value', 'text', 'origin'],
  ],
  finding: [
    {
      event: 'finding',
      code: 'interface-down',
      weight: 'blocks',
      message: 'the network is switched off: eth0 is down',
      details: [],
      commands: ['sudo ip link set eth0 up'],
    },
    ['code', 'weight', 'message', 'details', 'commands'],
  ],
  check: [
    {
      event: 'check',
      about: 'interface',
      name: 'eth0',
      kind: 'wired',
      up: true,
      carrier: true,
      address: '192.168.1.20/24',
      errors: [],
      ownHeard: true,
      answers: ['192.168.1.9'],
      text: 'wired, 192.168.1.20/24: probe sent',
    },
    'about name kind up carrier address errors ownHeard answers text'.split(' '),
  ],
  help: [{ event: 'help', text: 'verbs\n' }, ['text']],
  completion: [{ event: 'completion', text: 'amber\n' }, ['text']],
} as const satisfies Record<Answer['event'], readonly [Answer, readonly string[]]>;

test.each(Object.entries(answers))('%s is one line with its keys', (event, [answer, keys]) => {
  const line = jsonLine(answer);
  expect(line.indexOf('\n')).toBe(line.length - 1);
  const read = JSON.parse(line) as Record<string, unknown>;
  expect(Object.keys(read).sort()).toEqual(['event', 'v', ...keys].sort());
  expect(read).toMatchObject({ v: 1, event });
  expect(line.startsWith('{"v":1,"event":')).toBe(true);
});

test('sizes stay bytes, times become ISO 8601 UTC, ids stay whole', () => {
  const [entry] = answers.entry;
  expect(JSON.parse(jsonLine(entry))).toMatchObject({ size: 5, mtime: '1970-01-01T00:00:01.000Z' });
  expect(JSON.parse(jsonLine({ ...entry, mtime: Number.MAX_VALUE }))).toMatchObject({
    mtime: null,
  });
  expect(JSON.parse(jsonLine(answers.connected[0]))).toMatchObject({ id });
});

test('a hint is a key of its own, where there is one', () => {
  const [failed] = answers.failed;
  expect(JSON.parse(jsonLine({ ...failed, hint: 'do this' }))).toMatchObject({ hint: 'do this' });
});

test('controls of a terminal arrive escaped and are read back as they were', () => {
  const path = 'a\u001b\u007f\u009b\u200b\u202e\u2028\ufeff"\\b';
  const line = jsonLine({ ...answers.received[0], path });
  expect(line).toContain('a\\u001b\\u007f\\u009b\\u200b\\u202e\\u2028\\ufeff\\"\\\\b');
  expect(JSON.parse(line)).toMatchObject({ path });
});
