import { SharingError, writeError } from '#sharing/errors.js';
import type { Device } from '#sharing/identity/device.js';
import type { Beside, BesideWork } from '#sharing/transfer/beside.js';
import type { Silence } from '#sharing/transport/heartbeat.js';
import type { Message } from '#sharing/wire/message.js';

/** Milliseconds that a thread gets to end by itself; what it writes just now is written to its end in any case. */
const endTime = 500;

/** How the thread reaches the server. */
export interface ThreadLane extends Silence {
  readonly device: Device;
  readonly host: string;
  readonly port: number;
  /** The key that must answer. */
  readonly serverId: string;
  /** Milliseconds until the handshake must be over. */
  readonly timeout: number;
  /** What is said there first. */
  readonly hello: Message;
}

/** What the thread is given. */
export interface ThreadTask extends ThreadLane {
  readonly work: Omit<BesideWork, 'onLanded' | 'onFailed'>;
}

/** What the thread says: a chunk was checked and written, or why the file cannot be received. */
export type ThreadReport =
  | { readonly chunk: number; readonly digest: Uint8Array }
  | { readonly code: string; readonly message: string };

/**
 * Takes chunks of a file over one more lane, in a thread of its own: decrypting, checking and writing them keeps a
 * processor busy, and there is more than one. The thread knows nothing of the transfer but which chunks are missing.
 */
export function takeInThread(lane: ThreadLane, work: BesideWork): Beside {
  const { onLanded, onFailed, ...own } = work;
  const task: ThreadTask = { ...lane, work: own };
  // An import would be paid for at each start; few transfers get this far.
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  const worker = new Worker(new URL('./lane-thread.js', import.meta.url), {
    workerData: task,
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
  const ended = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      resolve();
    });
  });
  // It is only slower without it.
  worker.on('error', () => undefined);
  worker.on('message', (report: ThreadReport) => {
    if ('chunk' in report) onLanded(report.chunk, Buffer.from(report.digest));
    else onFailed(errorOf(report));
  });
  return {
    ended,
    async end() {
      worker.postMessage('end');
      const timer = setTimeout(() => void worker.terminate(), endTime);
      await ended;
      clearTimeout(timer);
    },
  };
}

function errorOf({
  code,
  message,
}: {
  readonly code: string;
  readonly message: string;
}): SharingError {
  if (code === 'damaged') return new SharingError('damaged', message);
  return writeError(Object.assign(new Error(message), { code }));
}
