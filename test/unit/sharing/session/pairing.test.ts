import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { codeText, parseCode } from '#sharing/session/code.js';
import { pairAsClient, pairAsServer, type PairingChannel } from '#sharing/session/pairing.js';

const channel: PairingChannel = {
  exporter: randomBytes(32),
  clientId: 'C'.repeat(52),
  serverId: 'S'.repeat(52),
};
const wrong = expect.objectContaining({ code: 'wrong-code' }) as Error;
const breach = expect.objectContaining({ code: 'protocol' }) as Error;

/** One whole run; each side may be given its own view of things. */
function run(
  codes: readonly [string, string],
  channels: readonly [PairingChannel, PairingChannel] = [channel, channel],
): void {
  const client = pairAsClient(codes[0], channels[0]);
  const server = pairAsServer(codes[1], channels[1], client.share);
  client.accept(server.judge(client.prove(server.share)));
}

test.each([
  ['K7QF-3M2X', 'K7QF3M2X'],
  [' k7qf 3m2x\n', 'K7QF3M2X'],
  ['oOiIlL00', '00111100'],
])('%j is read as %s', (typed, code) => {
  expect(parseCode(typed)).toBe(code);
  expect(parseCode(codeText(code))).toBe(code);
});

test.each(['', 'K7QF3M2', 'K7QF3M2XX', 'K7QF3M2U', 'K7QF3M2é'])('%j is no code', (typed) => {
  expect(parseCode(typed)).toBeUndefined();
});

describe('a run', () => {
  test('of two that know the code proves it to both', () => {
    run(['K7QF3M2X', 'K7QF3M2X']);
  });

  test.each<[string, readonly [string, string], Partial<PairingChannel>]>([
    ['another code', ['K7QF3M2X', 'K7QF3M2Y'], {}],
    [
      'another channel: a man in the middle relays',
      ['K7QF3M2X', 'K7QF3M2X'],
      { exporter: randomBytes(32) },
    ],
    ['another client', ['K7QF3M2X', 'K7QF3M2X'], { clientId: 'X'.repeat(52) }],
    ['another server', ['K7QF3M2X', 'K7QF3M2X'], { serverId: 'X'.repeat(52) }],
  ])('with %s proves nothing', (_, codes, other) => {
    expect(() => {
      run(codes, [channel, { ...channel, ...other }]);
    }).toThrow(wrong);
  });

  test('the client notices a server that does not know the code', () => {
    const client = pairAsClient('K7QF3M2X', channel);
    const server = pairAsServer('00000000', channel, client.share);
    const proof = client.prove(server.share);
    expect(() => {
      client.accept(Buffer.alloc(64));
    }).toThrow(wrong);
    expect(() => {
      client.accept(proof);
    }).toThrow(wrong);
  });

  test('a client that has no share of the server has nothing to accept', () => {
    const client = pairAsClient('K7QF3M2X', channel);
    expect(() => {
      client.accept(Buffer.alloc(64));
    }).toThrow(wrong);
  });

  test("the client's own share sent back is a breach", () => {
    const client = pairAsClient('K7QF3M2X', channel);
    expect(() => client.prove(client.share)).toThrow(breach);
  });

  test.each(['00'.repeat(32), 'ff'.repeat(32), `01${'00'.repeat(31)}`])(
    'the share %s is a breach on both sides',
    (hex) => {
      const share = Buffer.from(hex, 'hex');
      expect(() => pairAsServer('K7QF3M2X', channel, share)).toThrow(breach);
      expect(() => pairAsClient('K7QF3M2X', channel).prove(share)).toThrow(breach);
    },
  );

  test('a proof of one run is worth nothing in the next', () => {
    const client = pairAsClient('K7QF3M2X', channel);
    const first = pairAsServer('K7QF3M2X', channel, client.share);
    const proof = client.prove(first.share);
    first.judge(proof);
    const second = pairAsServer('K7QF3M2X', channel, client.share);
    expect(() => second.judge(proof)).toThrow(wrong);
  });
});
