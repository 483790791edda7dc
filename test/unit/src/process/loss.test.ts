import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { watchLoss } from '#src/process/loss.js';
import { readAll } from '../../../support/read-all.js';

function openStreams() {
  const [input, output, error] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const loss = watchLoss(input, output, error);
  const ended = vi.fn();
  loss.onLoss(ended);
  const said = (): string => readAll(error);
  return { input, output, error, loss, ended, said };
}

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: write`), { code });
}

test.each([
  ['EIO', 8],
  ['ENOSPC', 7],
])('output that is lost by %s ends the run in order, with exit %i', (code, exit) => {
  const { output, loss, ended, said } = openStreams();
  output.emit('error', systemError(code));
  output.emit('error', systemError(code));
  expect(ended).toHaveBeenCalledOnce();
  expect(said()).toBe(`lanpost: standard output cannot be written (${code})\n`);
  expect(loss.exitOf(0)).toBe(exit);
  expect(loss.exitOf(8)).toBe(exit);
  expect(loss.exitOf(4)).toBe(4);
});

test('input that is lost ends the run too', () => {
  const { input, loss, ended, said } = openStreams();
  input.emit('error', systemError('EIO'));
  expect(ended).toHaveBeenCalledOnce();
  expect(said()).toBe('lanpost: standard input cannot be read (EIO)\n');
  expect(loss.exitOf(0)).toBe(8);
});

test('who listens late hears of it, who has stopped listening does not', () => {
  const { output, loss, ended } = openStreams();
  const stopped = vi.fn();
  loss.onLoss(stopped)();
  output.emit('error', systemError('EIO'));
  expect(stopped).not.toHaveBeenCalled();
  expect(ended).toHaveBeenCalledOnce();
  const late = vi.fn();
  loss.onLoss(late);
  expect(late).toHaveBeenCalledOnce();
});

test('a reader that goes away, and nobody to hear remarks, are no loss', () => {
  const { output, error, loss, ended } = openStreams();
  output.emit('error', systemError('EPIPE'));
  error.emit('error', systemError('ENOSPC'));
  expect(ended).not.toHaveBeenCalled();
  expect(loss.exitOf(0)).toBe(0);
});
