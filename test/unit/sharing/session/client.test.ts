import { describe, expect, test } from 'vitest';
import { clientRules, type ClientRules } from '#sharing/session/client.js';
import type { Incoming } from '#sharing/session/incoming.js';

const tag = '0'.repeat(32);
const welcome: Incoming = {
  t: 'welcome',
  v: 1,
  features: [],
  digest: 'blake3',
  as: 'peer',
  rights: ['read'],
  name: 'amber',
};

function ready(): ClientRules {
  const rules = clientRules(true);
  rules.receive(welcome);
  return rules;
}

const closing = (code: string) => [{ do: 'close', error: { code } }];

describe('the welcome', () => {
  test('of a server that we know', () => {
    expect(clientRules(true).receive(welcome)).toMatchObject([{ do: 'welcome', digest: 'blake3' }]);
  });

  test.each(['owner', 'peer'] as const)('of a stranger that calls us %s is not taken', (as) => {
    const rules = clientRules(false);
    expect(rules.receive({ ...welcome, as })).toMatchObject(closing('unknown-server'));
    expect(() => rules.begin('listing')).toThrow();
  });

  test('of a stranger that is open is taken', () => {
    expect(clientRules(false).receive({ ...welcome, as: 'open' })).toMatchObject([
      { do: 'welcome' },
    ]);
  });

  test('a refusal carries its reason; an unknown reason is a fault', () => {
    const denied: Incoming = { t: 'denied', code: 'not-known', message: 'no' };
    expect(clientRules(true).receive(denied)).toMatchObject(closing('not-known'));
    expect(clientRules(true).receive({ ...denied, code: 'later' })).toMatchObject(
      closing('internal'),
    );
  });

  test('with an algorithm that was not offered is a breach', () => {
    expect(clientRules(true).receive({ ...welcome, digest: 'md5' })).toMatchObject(
      closing('protocol'),
    );
  });
});

describe('answers', () => {
  test('belong to what was asked', () => {
    const rules = ready();
    const id = rules.begin('listing');
    expect(rules.receive({ t: 'entries', id, rows: [], more: false })).toMatchObject([
      { do: 'listed', id },
    ]);
    rules.done(id);
    expect(rules.receive({ t: 'entries', id, rows: [], more: false })).toMatchObject(
      closing('protocol'),
    );
  });

  test('an offer makes a get a transfer, to which all further pages go', () => {
    const rules = ready();
    const id = rules.begin('getting');
    const offer: Incoming = { t: 'offer', id, files: [['a', 1, 0, tag]], more: false };
    expect(rules.receive(offer)).toMatchObject([{ do: 'offered', id }]);
    expect(rules.receive(offer)).toMatchObject([{ do: 'tell-receiving', id, frame: offer }]);
  });

  test.each<[string, Incoming]>([
    [
      'an offer that nobody asked for',
      { t: 'offer', id: 1, files: [['a', 1, 0, tag]], more: false },
    ],
    [
      'more files than asked',
      {
        t: 'offer',
        id: 2,
        files: [
          ['a', 1, 0, tag],
          ['b', 1, 0, tag],
        ],
        more: false,
      },
    ],
    ['a request', { t: 'list', id: 9, path: '' }],
    [
      'a chunk before the offer',
      { t: 'chunk', id: 2, file: 0, chunk: 0, length: 1, digest: Buffer.alloc(32) },
    ],
    ['a second welcome', welcome],
    [
      'a status that nobody asked for',
      { t: 'state', id: 1, clients: [], transfers: [], more: true },
    ],
  ])('%s is a breach', (_, incoming) => {
    const rules = ready();
    rules.begin('listing');
    rules.begin('getting');
    expect(rules.receive(incoming)).toMatchObject(closing('protocol'));
    expect(rules.receive({ t: 'bye' })).toEqual([]);
  });

  test('a status comes in pages, and the last one has the figures', () => {
    const rules = ready();
    const id = rules.begin('status');
    const page: Incoming = { t: 'state', id, clients: [], transfers: [], more: true };
    expect(rules.receive(page)).toMatchObject([{ do: 'told', id, state: page }]);
    expect(rules.receive({ ...page, more: false })).toMatchObject(closing('protocol'));
  });

  test('an error with an id ends that request only, without one the session', () => {
    const rules = ready();
    const id = rules.begin('getting');
    const error: Incoming = { t: 'error', id, code: 'not-found', message: '' };
    expect(rules.receive(error)).toMatchObject([
      { do: 'refused', id, error: { code: 'not-found' } },
    ]);
    rules.done(id);
    expect(rules.receive(error)).toEqual([]);
    expect(rules.receive({ t: 'error', code: 'no-room', message: '' })).toMatchObject(
      closing('no-room'),
    );
  });
});
