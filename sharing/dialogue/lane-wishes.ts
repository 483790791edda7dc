import type { Moving } from '#sharing/dialogue/moving.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import { availableParallelism } from 'node:os';

/** Bytes from which on a transfer is worth a connection of its own. */
const laneSize = 8 * 1024 * 1024;

/** When one more lane pays, in a thread of its own. */
export interface ThreadPays {
  /** Bytes that are still to come. */
  readonly left: number;
  /** Bytes a second that came so far: below it is the network or a disk that we wait for, and a thread would only cost. */
  readonly rate: number;
  /** Bytes over which the rate is measured. */
  readonly measured: number;
  /** Processors that this machine has: where there are few, and both ends want them, a thread takes from the others. */
  readonly processors: number;
}

/** When a thread pays; `sameMachine`: the server runs here too. */
export function threadPays(sameMachine: boolean): ThreadPays {
  const [left, measured] = [64 * 1024 * 1024, 32 * 1024 * 1024];
  return { left, rate: 250e6, measured, processors: sameMachine ? 4 : 3 };
}

/** Asks for a lane when a transfer turns out to be long enough for one. */
export function withLane(
  { connection, transfers }: Moving,
  id: number,
  onProgress: OnProgress | undefined,
): OnProgress {
  let asked = false;
  return (progress) => {
    const road = transfers.roads.get(id);
    if (!asked && road && progress.size >= laneSize) {
      asked = true;
      road.wanted.push('lane');
      connection.send({ t: 'lane', id });
    }
    onProgress?.(progress);
  };
}

/** Asks for a lane in a thread when bytes come so fast that it would make them faster, until that was done. */
export function withThread(moving: Moving, id: number, onProgress: OnProgress): OnProgress {
  const when = moving.threadPays;
  let first: { readonly at: number; readonly bytes: number } | undefined;
  let isDone = availableParallelism() < when.processors;
  return (progress) => {
    onProgress(progress);
    if (isDone || progress.phase !== 'sending') return;
    const { bytes, size } = progress;
    first ??= { at: performance.now(), bytes };
    const came = bytes - first.bytes;
    if (came < when.measured) return;
    const seconds = (performance.now() - first.at) / 1000;
    if (size - bytes < when.left) isDone = true;
    else if (came / seconds >= when.rate) isDone = askForThread(moving, id);
    else first = { at: performance.now(), bytes };
  };
}

/** False while nothing can be said yet. */
function askForThread({ connection, transfers }: Moving, id: number): boolean {
  const entry = transfers.roads.get(id);
  // What comes over the session's own connection says nothing yet.
  if (!entry?.road.hasLane()) return false;
  entry.wanted.push('thread');
  connection.send({ t: 'lane', id });
  return true;
}
