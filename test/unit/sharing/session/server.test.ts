import { describe, expect, test } from 'vitest';
import type { Incoming } from '#sharing/session/incoming.js';
import { decode } from '#sharing/wire/message.js';
import { SharingError } from '#sharing/errors.js';
import { serverRules, type ServerAction, type ServerRules } from '#sharing/session/server.js';
import type { Admission } from '#sharing/session/admission.js';

const tag = '0'.repeat(32);
const hello: Incoming = {
  t: 'hello',
  v: 1,
  features: [],
  digests: ['later', 'sha256'],
  purpose: 'control',
  name: 'client',
};
const readWrite: Admission = { as: 'peer', rights: ['read', 'write'] };
const get = (id: number, path = 'a.txt'): Incoming => ({ t: 'get', id, path });
const getList = (id: number, ...further: string[]): Incoming => ({
  t: 'get',
  id,
  path: 'a.txt',
  further,
});
const list = (id: number, path = ''): Incoming => ({ t: 'list', id, path });
const offer = (id: number): Incoming => ({
  t: 'offer',
  id,
  files: [['a.txt', 5, 0, tag]],
  more: false,
});

/** Of a client with one session, at a server that shares. */
const alone = { name: 'amber', mode: 'share', pairs: false } as const;
const atMost = (most: number) => (underWay: number) =>
  underWay < most ? undefined : new SharingError('too-many-transfers', '');

function ready(admission: Admission = readWrite): ServerRules {
  const rules = serverRules({ ...alone, admission, mayBegin: atMost(2) });
  rules.receive(hello);
  return rules;
}

function only(actions: readonly ServerAction[]): ServerAction | undefined {
  expect(actions).toHaveLength(1);
  return actions[0];
}

const closing = (code: string) => ({ do: 'close', error: { code }, last: { code } });

describe('greeting', () => {
  test('is answered with what both can and what the client may', () => {
    const rules = serverRules({ ...alone, admission: readWrite, mayBegin: atMost(2) });
    expect(only(rules.receive(hello))).toMatchObject({
      do: 'send',
      message: { t: 'welcome', v: 1, digest: 'sha256', as: 'peer', rights: ['read', 'write'] },
    });
    expect(rules.digest()).toBe('sha256');
  });

  test.each<[string, Incoming, string]>([
    ['a verb first', list(1), 'protocol'],
    ['data first', { t: 'data', bytes: Buffer.alloc(1) }, 'protocol'],
    ['another version', { ...hello, v: 2 }, 'version-mismatch'],
    [
      'another version in another shape',
      decode(Buffer.from('{"t":"hello","v":2,"name":7,"digests":{}}')),
      'version-mismatch',
    ],
    ['a lane without its token', { ...hello, purpose: 'lane' }, 'protocol'],
    ['no common digest', { ...hello, digests: ['md5'] }, 'unsupported'],
  ])('%s: denied', (_, incoming, code) => {
    const rules = serverRules({ ...alone, admission: readWrite, mayBegin: atMost(2) });
    expect(only(rules.receive(incoming))).toMatchObject({
      ...closing(code),
      last: { t: 'denied' },
    });
    expect(rules.receive(hello)).toEqual([]);
  });

  test.each([
    ['peer', 'pair'],
    ['open', 'pair'],
    ['owner', 'send'],
  ] as const)('%s who has a code while there is one: %s', (as, expected) => {
    const admission: Admission = { as, rights: ['read'] };
    const rules = serverRules({ ...alone, pairs: true, admission, mayBegin: atMost(2) });
    expect(only(rules.receive({ ...hello, pair: true }))).toMatchObject({ do: expected });
  });

  test('nobody hears why, and nothing else', () => {
    const rules = serverRules({
      ...alone,
      admission: { as: 'nobody', code: 'not-known', message: 'who are you' },
      mayBegin: atMost(2),
    });
    expect(only(rules.receive(hello))).toMatchObject(closing('not-known'));
  });
});

describe('commands', () => {
  test.each<[string, Incoming]>([
    ['new-code', { t: 'new-code', id: 1, uses: 1 }],
    ['shutdown', { t: 'shutdown', id: 1 }],
    ['status', { t: 'status', id: 1 }],
  ])('%s is for the owner', (command, incoming) => {
    const owner = ready({ as: 'owner', rights: ['read', 'write', 'replace'] });
    expect(only(owner.receive(incoming))).toMatchObject({ do: command, id: 1 });
    const refused = { do: 'send', message: { t: 'error', id: 1, code: 'no-right' } };
    expect(only(ready().receive(incoming))).toMatchObject(refused);
  });
});

describe('requests', () => {
  test('a list, a get and an offer become work', () => {
    const rules = serverRules({ ...alone, admission: readWrite, mayBegin: atMost(9) });
    rules.receive(hello);
    expect(only(rules.receive(list(1, 'a/b')))).toEqual({ do: 'list', id: 1, path: ['a', 'b'] });
    expect(only(rules.receive(get(2)))).toEqual({
      do: 'serve',
      id: 2,
      path: ['a.txt'],
      glob: false,
    });
    expect(only(rules.receive(getList(3, 'b/c', '../b')))).toEqual({
      do: 'serve-list',
      id: 3,
      paths: [
        { text: 'a.txt', path: ['a.txt'] },
        { text: 'b/c', path: ['b', 'c'] },
        { text: '../b', path: expect.objectContaining({ code: 'name-refused' }) as unknown },
      ],
    });
    expect(only(rules.receive(offer(7)))).toMatchObject({ do: 'accept', id: 7 });
  });

  test.each(['../x', '/etc', 'a//b', '.ssh', 'a\\b', 'a/\u0000', 'a\u202eb'])(
    'the name %j is refused and the session goes on',
    (path) => {
      const rules = ready();
      expect(only(rules.receive(get(1, path)))).toMatchObject({
        do: 'send',
        message: { t: 'error', id: 1, code: 'name-refused' },
      });
      expect(only(rules.receive(list(2)))).toMatchObject({ do: 'list' });
    },
  );

  test('without the right there is no work', () => {
    const rules = ready({ as: 'open', rights: ['read'] });
    expect(only(rules.receive(offer(1)))).toMatchObject({ message: { id: 1, code: 'no-right' } });
    expect(only(rules.receive(list(2)))).toMatchObject({ do: 'list' });
  });

  test.each([
    ['share', ['offer']],
    ['read-only', []],
  ] as const)(
    'a right that is granted later counts as far as the mode lets it: %s',
    (mode, may) => {
      const admission: Admission = { as: 'peer', rights: ['read'] };
      const rules = serverRules({ ...alone, mode, admission, mayBegin: atMost(9) });
      expect(rules.grant(['read', 'write'])).toBeUndefined();
      rules.receive(hello);
      expect(only(rules.receive(offer(1)))).toMatchObject({ message: { code: 'no-right' } });
      const now = mode === 'share' ? ['read', 'write'] : undefined;
      expect(rules.grant(['read', 'write'])).toEqual(now);
      expect(rules.grant(['read', 'write'])).toBeUndefined();
      const expected = may.length > 0 ? { do: 'accept' } : { message: { code: 'no-right' } };
      expect(only(rules.receive(offer(2)))).toMatchObject(expected);
      expect(only(rules.receive(list(3)))).toMatchObject({ do: 'list' });
    },
  );

  test('too many at once are refused, and room comes back', () => {
    const rules = ready();
    rules.receive(list(1));
    rules.receive(list(2));
    expect(only(rules.receive(list(3)))).toMatchObject({ message: { code: 'too-many-transfers' } });
    rules.done(1);
    expect(only(rules.receive(list(4)))).toMatchObject({ do: 'list' });
  });

  test('an id is used once and only grows', () => {
    const rules = ready();
    rules.receive(list(5));
    expect(only(rules.receive(list(5)))).toMatchObject(closing('protocol'));
  });

  test('several files are offered as a batch, and as nothing else', () => {
    const rules = ready();
    const row = (): [string, number, number, string] => ['a', 1, 0, tag];
    const files = [row(), row()];
    const first: Incoming = { t: 'offer', id: 1, files, more: true, batch: true };
    expect(only(rules.receive(first))).toMatchObject({ do: 'accept-batch', id: 1 });
    expect(only(rules.receive(first))).toMatchObject({ do: 'tell-receiving', id: 1 });
    rules.done(1);
    expect(rules.receive(first)).toEqual([]);
    const loose: Incoming = { t: 'offer', id: 2, files, more: false };
    expect(only(rules.receive(loose))).toMatchObject(closing('protocol'));
  });
});

describe('while work is under way', () => {
  test('reports go to what is sent, chunks to what is received', () => {
    const rules = ready();
    rules.receive(get(1));
    rules.receive(offer(2));
    const want: Incoming = { t: 'want', id: 1, files: [{ want: 'all', file: 0 }], more: false };
    expect(only(rules.receive(want))).toMatchObject({ do: 'tell-sending', id: 1 });
    expect(only(rules.receive({ t: 'end', id: 2, file: 0 }))).toMatchObject({
      do: 'tell-receiving',
      id: 2,
    });
  });

  test('a late report is ignored, a report about nothing is a breach', () => {
    const rules = ready();
    rules.receive(get(1));
    rules.done(1);
    expect(rules.receive({ t: 'got', id: 1, file: 0, chunk: 0 })).toEqual([]);
    expect(only(rules.receive({ t: 'got', id: 9, file: 0, chunk: 0 }))).toMatchObject(
      closing('protocol'),
    );
  });

  test.each<[string, Incoming]>([
    [
      'a chunk for a get',
      { t: 'chunk', id: 1, file: 0, chunk: 0, length: 1, digest: Buffer.alloc(32) },
    ],
    ['an end for a get', { t: 'end', id: 1, file: 0 }],
    ['digests for a list', { t: 'digests', id: 2, file: 0, first: 0, digests: Buffer.alloc(32) }],
    ['a second hello', hello],
    [
      'a welcome',
      { t: 'welcome', v: 1, features: [], digest: 'x', as: 'open', rights: [], name: 'x' },
    ],
    ['entries', { t: 'entries', id: 1, rows: [], more: false }],
    ['denied', { t: 'denied', code: 'x', message: '' }],
    ['an error for a request', { t: 'error', id: 1, code: 'x', message: '' }],
  ])('%s is a breach and closes', (_, incoming) => {
    const rules = ready();
    rules.receive(get(1));
    rules.receive(list(2));
    expect(only(rules.receive(incoming))).toMatchObject(closing('protocol'));
    expect(rules.receive(list(3))).toEqual([]);
  });

  test('an error without an id is the last word, and ends the session', () => {
    const rules = ready();
    const actions = rules.receive({ t: 'error', code: 'stalled', message: 'nothing comes' });
    expect(only(actions)).toMatchObject({ do: 'close', error: { code: 'stalled' } });
    expect(rules.receive(list(3))).toEqual([]);
  });

  test('an unknown kind without an id is ignored', () => {
    expect(ready().receive({ t: 'unknown', kind: 'weather' })).toEqual([]);
  });

  test('an unknown kind is answered and the session goes on', () => {
    const rules = ready();
    expect(only(rules.receive({ t: 'unknown', kind: 'weather', id: 3 }))).toMatchObject({
      do: 'send',
      message: { t: 'error', code: 'unsupported', id: 3 },
    });
    expect(only(rules.receive(list(4)))).toMatchObject({ do: 'list' });
  });

  test('bye ends it', () => {
    expect(only(ready().receive({ t: 'bye' }))).toEqual({ do: 'close', last: { t: 'bye' } });
  });
});
