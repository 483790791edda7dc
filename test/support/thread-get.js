// Gets a file over two lanes, one of them in a thread, built with what it uses of the program: options as JSON.
// Says as lines of JSON when the thread is there, and how it ended.
import process from 'node:process';
import { setInterval, clearInterval } from 'node:timers';
import { openSession } from '#sharing/client.js';
import { openDevice } from '#sharing/device.js';

const { state, port, path, folder, limits } = JSON.parse(process.argv[2]);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

let seen = false;
const looking = setInterval(() => {
  if (seen || !process.getActiveResourcesInfo().includes('MessagePort')) return;
  seen = true;
  say({ thread: true });
}, 1);

const session = await openSession({
  device: await openDevice(state),
  name: 'two lanes',
  hosts: ['127.0.0.1'],
  port,
  limits,
  now: Date.now,
  threadPays: { left: 0, rate: 0, measured: 1, processors: 1 },
});
const ended = [];
try {
  await session.get(path, { folder, receivedPrefix: 'new_', onEnded: (one) => ended.push(one) });
  say({ ended });
} catch (error) {
  say({ failed: error.code, message: error.message });
}
await session.bye();
clearInterval(looking);
