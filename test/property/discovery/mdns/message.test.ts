import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeAnswer, type ServiceRecord } from '#discovery/mdns/message.js';
import { createNeighbour } from '#discovery/mdns/neighbour.js';
import { encodeQuery } from '#discovery/mdns/question.js';
import { address, answer, facts, place, pointer } from '../../../unit/discovery/mdns/answers.js';

/** Whatever was read leads to bounded, clean hits, and to questions that can be asked or not. */
function use(records: readonly ServiceRecord[] | null): void {
  const neighbour = createNeighbour();
  neighbour.take(records ?? []);
  expect(neighbour.hits().length).toBeLessThanOrEqual(8);
  for (const { announcement } of neighbour.hits()) {
    expect(announcement.name).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(announcement.id).toMatch(/^[0-9A-Z]{52}$/);
  }
  encodeQuery(neighbour.missing(), { unicast: false });
}

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 9100 }), (bytes) => {
      use(decodeAnswer(bytes));
    }),
    { numRuns: 500 },
  );
});

test('no change to an honest answer makes it throw', () => {
  const whole = answer(
    [pointer(), pointer('Basil')],
    [place(), facts(), place('Basil', 'b.local', 2), facts({}, 'Basil'), address('10.0.0.9')],
  );
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 20 });
  fc.assert(
    fc.property(changes, fc.nat(whole.length), (some, cut) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of some) bytes[at] = value;
      use(decodeAnswer(bytes));
      use(decodeAnswer(bytes.subarray(0, cut)));
    }),
    { numRuns: 2000 },
  );
});
