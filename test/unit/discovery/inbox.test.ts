import { expect, test } from 'vitest';
import { createInbox } from '#discovery/inbox.js';

async function drain<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) all.push(item);
  return all;
}

test('holds what arrives before anybody reads', async () => {
  const inbox = createInbox<number>(10);
  inbox.offer(1);
  inbox.offer(2);
  inbox.end();
  expect(await drain(inbox)).toEqual([1, 2]);
});

test('drops the newest when full', async () => {
  const inbox = createInbox<number>(2);
  expect([1, 2, 3].map((item) => inbox.offer(item))).toEqual([true, true, false]);
  inbox.end();
  expect(await drain(inbox)).toEqual([1, 2]);
});

test('what a slow reader has not taken yet still counts', async () => {
  const inbox = createInbox<number>(2);
  inbox.offer(1);
  inbox.offer(2);
  const reader = inbox[Symbol.asyncIterator]();
  await reader.next();
  expect(inbox.offer(3)).toBe(true);
  expect(inbox.offer(4)).toBe(false);
});

test('a waiting reader is woken by an item and by the end', async () => {
  const inbox = createInbox<number>(2);
  const reading = drain(inbox);
  await Promise.resolve();
  inbox.offer(1);
  await Promise.resolve();
  inbox.end();
  expect(await reading).toEqual([1]);
  expect(inbox.offer(2)).toBe(false);
});
