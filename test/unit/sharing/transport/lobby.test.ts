import { bucket } from '#sharing/transport/bucket.js';
import { openLobby, type Lobby, type LobbyLimits } from '#sharing/transport/lobby.js';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';

let time = 0;
const now = (): number => time;
const plenty = { burst: 1000, perSecond: 1000 };

function socket(remoteAddress: string): Socket {
  return Object.assign(new EventEmitter(), { remoteAddress }) as unknown as Socket;
}

function open(limits: Partial<LobbyLimits> = {}): { lobby: Lobby; evicted: Socket[] } {
  const evicted: Socket[] = [];
  const all = { maxStrangers: 4, perAddress: plenty, inAll: plenty, ...limits };
  const lobby = openLobby(all, now, (one) => evicted.push(one));
  return { lobby, evicted };
}

describe('the lobby', () => {
  test('when it is full, the oldest of the most crowded address makes room', () => {
    const { lobby, evicted } = open();
    const quiet = socket('10.0.0.1');
    const flood = ['10.0.0.2', '10.0.0.2', '10.0.0.2'].map(socket);
    for (const one of [quiet, ...flood]) expect(lobby.enter(one)).toBeUndefined();
    time += 300;
    expect(lobby.enter(socket('10.0.0.3'))).toBeUndefined();
    expect(evicted).toEqual([flood[0]]);
  });

  test('everybody may stay for as long as a handshake takes', () => {
    const { lobby, evicted } = open();
    for (let n = 0; n < 4; n += 1) lobby.enter(socket('10.0.0.2'));
    time += 100;
    expect(lobby.enter(socket('10.0.0.3'))).toBe('too-many-strangers');
    expect(evicted).toEqual([]);
  });

  test('who is let in, or has gone, takes no place', () => {
    const { lobby } = open();
    const four = Array.from({ length: 4 }, () => socket('10.0.0.2'));
    for (const one of four) lobby.enter(one);
    lobby.leave(four[0]!);
    four[1]!.emit('close');
    expect(lobby.enter(socket('10.0.0.3'))).toBeUndefined();
    expect(lobby.enter(socket('10.0.0.3'))).toBeUndefined();
    expect(lobby.enter(socket('10.0.0.3'))).toBe('too-many-strangers');
  });

  test('one address has its rate, an IPv6 household too, and others theirs', () => {
    const { lobby } = open({ maxStrangers: 100, perAddress: { burst: 2, perSecond: 1 } });
    expect(lobby.enter(socket('2001:db8::1'))).toBeUndefined();
    expect(lobby.enter(socket('2001:db8::2'))).toBeUndefined();
    expect(lobby.enter(socket('2001:db8::3'))).toBe('too-fast');
    expect(lobby.enter(socket('10.0.0.2'))).toBeUndefined();
    time += 1000;
    expect(lobby.enter(socket('2001:db8::3'))).toBeUndefined();
  });

  test('all together have a rate', () => {
    const { lobby } = open({ maxStrangers: 100, inAll: { burst: 2, perSecond: 1 } });
    expect(['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((one) => lobby.enter(socket(one)))).toEqual([
      undefined,
      undefined,
      'too-fast',
    ]);
  });
});

test('a bucket says how long to wait', () => {
  const tokens = bucket({ burst: 2, perSecond: 10 }, now);
  expect([tokens.take(), tokens.take(), tokens.take()]).toEqual([true, true, false]);
  expect(tokens.wait()).toBeCloseTo(100);
  time += 100;
  expect(tokens.wait()).toBe(0);
});
