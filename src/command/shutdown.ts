import { exitCodes } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { findOwn } from '#src/own-server.js';
import { readRunning } from '#src/running.js';
import { openTo } from '#src/session.js';
import { setTimeout as delay } from 'node:timers/promises';
import type { Run } from './command.js';

/** Milliseconds for a server to end once it has said goodbye to us; others may still be served. */
const endTime = 15_000;

export const run: Run = async (context, call) => {
  const { stateFolder, isAlive, view } = context;
  const { port, pid, folder } = await findOwn(context);
  const session = await openTo(context, { host: '127.0.0.1', port }, call);
  await session.shutdown();
  const deadline = performance.now() + endTime;
  while ((await readRunning(stateFolder, isAlive)).some((one) => one.pid === pid)) {
    if (performance.now() > deadline) {
      throw new ProgramError(
        'still-running',
        'the server has not ended yet',
        `it is process ${pid}`,
      );
    }
    await delay(50);
  }
  view.show({ event: 'shutdown', port, folder });
  return exitCodes.done;
};
