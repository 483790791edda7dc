import { SharingError } from '#sharing/errors.js';
import { exitCodes } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { withOwnServer } from '#src/servers/own-server.js';
import { readRunning } from '#src/servers/running.js';
import { setTimeout as delay } from 'node:timers/promises';
import type { Run } from './command.js';

/** Milliseconds for a server to end once it has said goodbye to us; others may still be served. */
const endTime = 15_000;

export const run: Run = async (context, call) => {
  const { stateFolder, isAlive, view, signal } = context;
  const { port, pid, folder } = await withOwnServer(context, call, async (session, running) => {
    await session.shutdown();
    return running;
  });
  const deadline = performance.now() + endTime;
  while ((await readRunning(stateFolder, isAlive)).some((one) => one.pid === pid)) {
    if (performance.now() > deadline) {
      throw new ProgramError(
        'still-running',
        'the server has not ended yet',
        `it is process ${pid}`,
      );
    }
    await delay(50, undefined, { signal }).catch(() => {
      throw new SharingError('cancelled', 'interrupted');
    });
  }
  view.show({ event: 'shutdown', port, folder });
  return exitCodes.done;
};
