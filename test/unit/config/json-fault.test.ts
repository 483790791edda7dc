import { expect, test } from 'vitest';
import { findJsonFault } from '#config/json-fault.js';

test.each([
  ['', 1, 1, undefined],
  ['{"a": 1,}', 1, 9, '}'],
  ['{\n  "a": 1\n  "b": 2\n}', 3, 3, '"'],
  ['{"a" 1}', 1, 6, '1'],
  ['{a: 1}', 1, 2, 'a'],
  ["{'a': 1}", 1, 2, "'"],
  ['{"a": 01}', 1, 8, '1'],
  ['{"a": .5}', 1, 7, '.'],
  ['{"a": tru}', 1, 7, 't'],
  ['{"a": "x\ny"}', 1, 7, '"'],
  ['{"a": "\\x"}', 1, 7, '"'],
  ['{"a": 1', 1, 8, undefined],
  ['{"a": 1}\r\n}', 2, 1, '}'],
  ['[1 2]', 1, 4, '2'],
  ['[1}', 1, 3, '}'],
  ['[,]', 1, 2, ','],
  ['// no comments\n{}', 1, 1, '/'],
  ['{}\u{1f600}', 1, 3, '\u{1f600}'],
  ['[\u00a01]', 1, 2, '\u00a0'],
])('%j: line %d, column %d', (text, line, column, found) => {
  expect(findJsonFault(text)).toEqual({ line, column, found });
});

test.each(['{}', ' [ ] ', '{"a":{"b":[1,-0.5e+3,"\\u00e9\u007f\u2028",true,false,null]}}\n', '0'])(
  '%j is JSON',
  (text) => {
    expect(findJsonFault(text)).toBeUndefined();
  },
);

test('depth costs no stack', () => {
  expect(findJsonFault('['.repeat(500_000))).toMatchObject({ column: 500_001 });
});
