import { openJobs, type JobParts } from '#src/jobs.js';
import { createView } from '#src/view/view.js';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';

function screen() {
  let text = '';
  const output = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString();
      done();
    },
  });
  const view = createView({ output, error: output, json: false, quiet: false });
  return { view, text: () => text };
}

test('a job says how far it is, and is gone when it is over', async () => {
  const { view, text } = screen();
  const jobs = openJobs();
  let end!: (exit: 0) => void;
  const number = jobs.start('get a', view, ({ view: own }: JobParts) => {
    // What it drew before it has a number would be lost.
    setImmediate(() => {
      own.status.draw('half of it');
    });
    return new Promise((resolve) => (end = resolve));
  });
  expect(number).toBe(1);
  expect(jobs.list()).toMatchObject([{ number: 1, line: 'get a', state: 'running' }]);
  await expect.poll(() => jobs.list()).toMatchObject([{ state: 'half of it' }]);
  expect(() => {
    jobs.mustBeIdle();
  }).toThrow(expect.objectContaining({ code: 'busy' }) as Error);
  end(0);
  await jobs.idle();
  expect(await jobs.settled()).toEqual([0]);
  expect(await jobs.settled()).toEqual([]);
  expect(jobs.list()).toEqual([]);
  expect(text()).toBe('[1]  get a  done\n');
  jobs.mustBeIdle();
});

test('cancel stops that one and no other, and says so', async () => {
  const { view, text } = screen();
  const jobs = openJobs();
  const until = ({ signal }: JobParts): Promise<8> =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        resolve(8);
      });
    });
  jobs.start('get a', view, until);
  jobs.start('get b', view, until);
  jobs.cancel(1);
  await expect.poll(() => jobs.list()).toMatchObject([{ number: 2 }]);
  expect(() => {
    jobs.cancel(1);
  }).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
  jobs.cancelAll();
  expect(await jobs.settled()).toEqual([8, 8]);
  expect(text()).toBe('[1]  get a  cancelled\n[2]  get b  cancelled\n');
});
