import packet from 'dns-packet';
import { describe, expect, test } from 'vitest';
import { decodeAnswer } from '#discovery/mdns/message.js';
import { encodeQuery, whoIsThere } from '#discovery/mdns/question.js';
import { isAnswer, maxRecords, speaksOfServers } from '#discovery/mdns/sieve.js';
import { address, answer, facts, place, pointer, whole } from './answers.js';

describe('a question', () => {
  test('is what a parser of others reads', () => {
    const query = encodeQuery([whoIsThere], { unicast: false });
    expect(packet.decode(Buffer.from(query!))).toMatchObject({
      type: 'query',
      id: 0,
      questions: [{ name: '_lanpost._tcp.local', type: 'PTR', class: 'IN' }],
      answers: [],
    });
  });

  test('may ask for an answer to one socket alone', () => {
    const query = Buffer.from(encodeQuery([whoIsThere], { unicast: true })!);
    expect(query.readUInt16BE(query.length - 2)).toBe(0x80_01);
  });

  test('takes a name with dots for one label', () => {
    const labels = ['Dr. Who', '_lanpost', '_tcp', 'local'];
    const query = Buffer.from(encodeQuery([{ labels, type: 'SRV' }], { unicast: false })!);
    expect(query[12]).toBe('Dr. Who'.length);
    expect(query.toString('latin1', 13, 20)).toBe('Dr. Who');
  });

  test.each([[['']], [['x'.repeat(64)]], [['ä'.repeat(32)]]])('of %j cannot be asked', (labels) => {
    expect(encodeQuery([{ labels, type: 'A' }], { unicast: false })).toBeNull();
  });
});

describe('an answer', () => {
  test('is its records that lead to servers, in their order', () => {
    const other = { type: 'PTR' as const, name: '_ipp._tcp.local', data: 'x._ipp._tcp.local' };
    const message = answer([other, pointer()], [place(), facts(), address('10.0.0.9')]);
    expect(decodeAnswer(message)).toMatchObject([
      { kind: 'pointer', gone: false, instance: 'Amber' },
      { kind: 'place', instance: 'Amber', host: 'host.local', port: 30001 },
      { kind: 'facts', instance: 'Amber' },
      { kind: 'address', host: 'host.local', address: '10.0.0.9', flush: false },
    ]);
  });

  test('may take back what was said, and say that it is all there is', () => {
    expect(decodeAnswer(answer([pointer('Amber', 0)]))).toMatchObject([{ gone: true }]);
    expect(decodeAnswer(answer([address('fd00::9', 'H.local', true)]))).toMatchObject([
      { host: 'h.local', address: 'fd00::9', flush: true },
    ]);
  });

  test('keeps the first of two facts of one name, and drops what is none', () => {
    const data = ['id=1', 'ID=2', '=3', 'run', 'n=a=b', ''];
    const txt = { type: 'TXT' as const, name: 'x._LANPOST._tcp.Local', ttl: 1, data };
    const [record] = decodeAnswer(answer([txt]))!;
    const read = record?.kind === 'facts' ? Object.fromEntries(record.facts) : undefined;
    expect(read).toEqual({ id: '1', n: 'a=b' });
  });

  test('without a port is no place', () => {
    expect(decodeAnswer(answer([place('Amber', 'host.local', 0)]))).toEqual([]);
  });

  test('is one of the type itself, not of one that only ends like it', () => {
    const name = 'x._lanpost._tcp.local';
    expect(decodeAnswer(answer([{ type: 'PTR', name, data: `y.${name}` }]))).toEqual([]);
    const data = 'evil_lanpost._tcp.local';
    const spoilt = { type: 'PTR' as const, name: '_lanpost._tcp.local', data };
    expect(decodeAnswer(answer([spoilt]))).toEqual([]);
  });
});

describe('is not read', () => {
  const good = whole('10.0.0.9');
  const changed = (at: number, value: number): Buffer => {
    const copy = Buffer.from(good);
    copy.writeUInt16BE(value, at);
    return copy;
  };

  test.each([
    ['a question', Buffer.from(encodeQuery([whoIsThere], { unicast: false })!)],
    ['an answer that reports an error', changed(2, 0x84_03)],
    ['another operation', changed(2, 0xa4_00)],
    ['more records than there may be', changed(10, maxRecords + 1)],
    ['more records than are in it', changed(6, 200)],
    ['half of it', good.subarray(0, good.length >> 1)],
    ['nothing', Buffer.alloc(0)],
    ['too much', Buffer.concat([good, Buffer.alloc(9001 - good.length)])],
    ['a name that refers to itself', changed(12, 0xc0_0c)],
  ])('%s', (_what, bytes) => {
    expect(decodeAnswer(bytes)).toBeNull();
  });
});

test('what does not name our service is told without parsing', () => {
  expect(speaksOfServers(whole('10.0.0.9'))).toBe(true);
  expect(speaksOfServers(Buffer.from('\u0008_LANPOST'))).toBe(true);
  expect(speaksOfServers(answer([address('10.0.0.9')]))).toBe(false);
  expect(isAnswer(whole('10.0.0.9'))).toBe(true);
});
