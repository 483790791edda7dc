import { Worker } from 'node:worker_threads';
import type { Order, WorkerMessage } from './ciao-order.js';

/** A server that is being announced. */
export interface Announcing {
  /** Takes the announcement back, for a second at most. */
  stop(): void;
  /** Null when it was stopped, else why it ended. Never rejects. */
  readonly ended: Promise<string | null>;
}

export interface AnnouncingEvents {
  readonly onAnnounced: (name: string) => void;
  /** One line; something went wrong, but it goes on. */
  readonly onTrouble: (words: string) => void;
}

export type StartAnnouncing = (order: Order, events: AnnouncingEvents) => Announcing;

const goodbyeMs = 1000;
const longestWords = 200;

/**
 * Announces in a thread of its own. The library ends its process when it cannot resolve a conflict, writes to the
 * console, and does its work on whatever anybody on the network sends: in a thread, none of this reaches the server.
 */
export const startCiao: StartAnnouncing = (order, { onAnnounced, onTrouble }) => {
  const worker = new Worker(new URL('./ciao-worker.js', import.meta.url), {
    workerData: order,
    // Nothing of ours is its business, and DEBUG would make it talk.
    env: {},
    execArgv: [],
    // Kept from our own output; what the library says to the console comes as messages.
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: 48, maxYoungGenerationSizeMb: 8 },
  });
  let stopping = false;
  let reason = 'it ended by itself';
  const tellTrouble = (words: string): void => {
    const [line = ''] = words.trim().split('\n');
    if (!stopping) onTrouble(line.slice(0, longestWords));
  };
  const end = (why: string): void => {
    reason = why.slice(0, longestWords);
    void worker.terminate();
  };
  worker.on('message', (message: WorkerMessage) => {
    if (message.kind === 'announced') onAnnounced(message.name);
    else if (message.kind === 'trouble') tellTrouble(message.words);
    else if (message.kind === 'failed') end(message.reason);
    else void worker.terminate();
  });
  worker.on('error', (error) => {
    end(String(error));
  });
  // After the listeners, which would keep the process alive.
  worker.unref();
  const ended = new Promise<string | null>((resolve) => {
    worker.on('exit', () => {
      resolve(stopping ? null : reason);
    });
  });
  return {
    stop() {
      if (stopping) return;
      stopping = true;
      worker.postMessage('stop');
      const timer = setTimeout(() => void worker.terminate(), goodbyeMs);
      void ended.then(() => {
        clearTimeout(timer);
      });
    },
    ended,
  };
};
