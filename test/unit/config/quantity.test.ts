import { expect, test } from 'vitest';
import {
  bytesText,
  millisecondsText,
  readBytes,
  readCount,
  readMilliseconds,
} from '#config/quantity.js';

const notNumbers = ['', ' ', ' 5', '5 ', '5\n', '1e3', '0x10', '12abc', '1.5', '-1', '+1', '007'];
const alsoNot = ['1_000', '1,000', 'NaN', 'Infinity', '٣', '５', 'M', 'KiB'];

test.each([...notNumbers, ...alsoNot])('%j is neither number nor size nor time', (text) => {
  expect([readCount(text), readBytes(text), readMilliseconds(text)]).toEqual(
    Array.from({ length: 3 }, () => undefined),
  );
});

test.each([
  ['0', 0],
  ['1024', 1024],
  ['64K', 65_536],
  ['64KiB', 65_536],
  ['500kB', 500_000],
  ['10M', 10_485_760],
  ['256MiB', 268_435_456],
  ['3MB', 3_000_000],
  ['1G', 1_073_741_824],
  ['1GiB', 1_073_741_824],
  ['1GB', 1_000_000_000],
  ['2T', 2 * 1024 ** 4],
  ['1TiB', 1024 ** 4],
  ['1TB', 1e12],
])('%s is %d bytes', (text, bytes) => {
  expect(readBytes(text)).toBe(bytes);
});

test.each(['1KB', '1k', '1kiB', '1KIB', '1m', '1g', '1 MiB', '1MiB ', '1.5G', '1Mi', '1P', '1s'])(
  '%j is no size',
  (text) => {
    expect(readBytes(text)).toBeUndefined();
  },
);

test.each([
  ['0', 0],
  ['1500', 1500],
  ['1500ms', 1500],
  ['2s', 2000],
  ['1m', 60_000],
])('%s is %d ms', (text, milliseconds) => {
  expect(readMilliseconds(text)).toBe(milliseconds);
});

test.each(['1h', '1M', '2S', '1.5s', '1 s', '2sec', '1K'])('%j is no time', (text) => {
  expect(readMilliseconds(text)).toBeUndefined();
});

test.each([
  [0, '0'],
  [1023, '1023'],
  [1024, '1KiB'],
  [1536, '1536'],
  [1024 ** 4, '1TiB'],
  [2 ** 53 - 1, '9007199254740991'],
])('%d bytes are shown as %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});

test.each([
  [0, '0'],
  [1, '1ms'],
  [1000, '1s'],
  [90_000, '90s'],
  [120_000, '2m'],
])('%d ms are shown as %s', (milliseconds, text) => {
  expect(millisecondsText(milliseconds)).toBe(text);
});
