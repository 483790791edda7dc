import { expect, test } from 'vitest';
import { decodeAnswer } from '#discovery/mdns/message.js';
import { createNeighbour, type Neighbour } from '#discovery/mdns/neighbour.js';
import { announcement, idOf } from '../loopback.js';
import { address, answer, facts, place, pointer, whole } from './answers.js';

function told(...messages: readonly Buffer[]): Neighbour {
  const neighbour = createNeighbour();
  for (const message of messages) neighbour.take(decodeAnswer(message)!);
  return neighbour;
}

/** A server of which one fact reads otherwise. */
function withFact(key: string, value: string): Neighbour {
  const change = (text: string): string => (text.startsWith(`${key}=`) ? `${key}=${value}` : text);
  return told(answer([pointer(), place(), facts({}, 'Amber', change), address('10.0.0.9')]));
}

test('one message may say it all', () => {
  expect(told(whole('10.0.0.9')).hits()).toEqual([
    { announcement: announcement(), newer: false, addresses: ['10.0.0.9'] },
  ]);
});

test('so may several, in any order, and what is missing is asked for once', () => {
  const neighbour = told(answer([pointer()]));
  const labels = ['Amber', '_lanpost', '_tcp', 'local'];
  expect(neighbour.missing()).toEqual([
    { labels, type: 'SRV' },
    { labels, type: 'TXT' },
  ]);
  expect(neighbour.missing()).toEqual([]);
  neighbour.take(decodeAnswer(answer([facts(), place()]))!);
  expect(neighbour.hits()).toEqual([]);
  expect(neighbour.missing()).toEqual([{ labels: ['host', 'local'], type: 'A' }]);
  neighbour.take(decodeAnswer(answer([address('10.0.0.9')]))!);
  expect(neighbour.hits()).toMatchObject([{ addresses: ['10.0.0.9'] }]);
  expect(neighbour.missing()).toEqual([]);
});

test('a goodbye takes the server back', () => {
  expect(told(whole('10.0.0.9'), answer([pointer('AMBER', 0)])).hits()).toEqual([]);
});

test('an address goes when it is taken back, or when others are all there is', () => {
  const goodbye = answer([address('10.0.0.9', 'host.local', false, 0), address('10.0.0.8')]);
  expect(told(whole('10.0.0.9'), goodbye).hits()[0]?.addresses).toEqual(['10.0.0.8']);
  const flush = answer([
    address('10.0.0.7', 'host.local', true),
    address('10.0.0.6', 'host.local', true),
    address('fd00::6', 'host.local', true),
  ]);
  const [hit] = told(whole('10.0.0.9'), flush).hits();
  expect(hit?.addresses).toEqual(['10.0.0.7', '10.0.0.6', 'fd00::6']);
});

test.each([
  ['id', ''],
  ['id', 'I'.repeat(52)],
  ['run', 'short'],
  ['code', 'yes'],
  ['n', '\u0007'],
  ['v', ''],
  ['v', '0'],
  ['v', '1.5'],
  ['v', '100'],
])('%s=%s is no server', (key, value) => {
  expect(withFact(key, value).hits()).toEqual([]);
});

test('a higher version is noted', () => {
  expect(withFact('v', '2').hits()).toMatchObject([{ newer: true }]);
});

test('names are cleaned as they are everywhere', () => {
  expect(withFact('n', 'A\u202eB\u0007').hits()[0]?.announcement.name).toBe('AB');
});

test('what one source says is bounded', () => {
  const neighbour = createNeighbour();
  const take = (message: Buffer): void => {
    neighbour.take(decodeAnswer(message)!);
  };
  for (let i = 0; i < 100; i += 1) {
    const name = `Server ${i}`;
    const id = idOf('0').slice(3) + String(i).padStart(3, '0');
    const many = Array.from({ length: 20 }, (_, n) => address(`10.0.${i}.${n}`, `h${i}.local`));
    take(answer([pointer(name), place(name, `h${i}.local`), facts({ id }, name), ...many]));
  }
  expect(neighbour.hits()).toHaveLength(8);
  for (const hit of neighbour.hits()) expect(hit.addresses).toHaveLength(8);
  let questions = 0;
  for (let i = 0; i < 100; i += 1) {
    take(answer([pointer('Server 0', 0), pointer(`New ${i}`)]));
    questions += neighbour.missing().length;
    take(answer([pointer(`New ${i}`, 0)]));
  }
  expect(questions).toBe(32);
});
