import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { codeBoard, type CodeBoard } from '#src/serving/code-board.js';
import type { Answer } from '#src/view/answer.js';

const lifetime = 600_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A server whose codes are numbers, and all that its screen shows. */
function open() {
  const lines: string[] = [];
  let count = 0;
  const board: CodeBoard = codeBoard({
    show: (answer: Answer) => lines.push('code' in answer ? String(answer.code) : ''),
    note: (text) => lines.push(text),
  });
  const server = {
    newCode: () => {
      count += 1;
      const fresh = { code: `code ${count}`, expires: Date.now() + lifetime };
      board.onCode(fresh);
      return fresh;
    },
  };
  return { board, server, lines };
}

const isVoid = 'the code above is void now: lanpost pair made another';

test('a code that was used or is too old gives way to a new one', () => {
  const { board, server, lines } = open();
  board.show(server);
  board.onCode(undefined);
  vi.advanceTimersByTime(lifetime);
  expect(lines).toEqual(['code 1', 'code 2', 'code 3']);
  board[Symbol.dispose]();
  expect(vi.getTimerCount()).toBe(0);
});

test('a code that another has taken the place of is said to be void, once', () => {
  const { board, server, lines } = open();
  board.show(server);
  server.newCode();
  server.newCode();
  expect(lines).toEqual(['code 1', isVoid]);
  board.onCode(undefined);
  server.newCode();
  expect(lines).toEqual(['code 1', isVoid, 'code 4', isVoid]);
  board[Symbol.dispose]();
});

test('where none is shown, none is void', () => {
  const { server, lines } = open();
  server.newCode();
  server.newCode();
  expect(lines).toEqual([]);
  vi.advanceTimersByTime(lifetime);
  expect(lines).toEqual([]);
});
