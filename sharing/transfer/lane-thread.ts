import { errnoOf, SharingError } from '#sharing/errors.js';
import { openChunk } from '#sharing/session/chunks.js';
import { chunkState, exchange } from '#sharing/session/receiving.js';
import { chunkLength, digestOf } from '#sharing/storage/digest.js';
import { assemble } from '#sharing/transfer/assembly.js';
import type { ThreadReport, ThreadTask } from '#sharing/transfer/thread.js';
import { speak, type Connection } from '#sharing/transport/connection.js';
import { dial } from '#sharing/transport/dial.js';
import { chunkSize, type ChunkHeader } from '#sharing/wire/frame.js';
import { writeSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';

/** The thread of a lane: see thread.ts. It ends with its connection, or when it is told to. */
async function takeChunks({ work, hello, ...task }: ThreadTask): Promise<void> {
  const { socket, feed, serverId } = await dial(task);
  if (serverId !== task.serverId) {
    socket.destroy();
    return;
  }
  const lane = speak(socket, task, { feed });
  parentPort?.on('message', () => {
    lane.close(undefined, { t: 'bye' });
  });
  const { id, file, size, algorithm, states, descriptor } = work;
  const assembly = assemble(size, land);
  const intake = assembly.intake();
  const chunks = openChunk();

  /** True for a chunk that nobody else takes; one that came again over this lane, after another had brought it, is read past. */
  function isOurs(header: ChunkHeader): boolean {
    const { chunk, length } = header;
    const right = chunk * chunkSize < size && length === chunkLength(size, chunk);
    if (header.id !== id || header.file !== file || !right) throw breach('a chunk of another file');
    if (exchange(states, chunk, chunkState.missing, chunkState.taken)) return true;
    if (exchange(states, chunk, chunkState.landed, chunkState.repeated)) return false;
    const state = states[chunk];
    // It may have landed, or been lost, since the first look.
    if (state !== chunkState.unwanted && state !== chunkState.repeated) {
      // One of two lanes is lost, and nobody can tell which: without this one all goes over what is left.
      lane.close(undefined, { t: 'bye' });
      return false;
    }
    throw breach(`chunk ${chunk}, not wanted or already here,`);
  }

  function land({ chunk, digest }: ChunkHeader, bytes: Buffer): Promise<void> {
    try {
      if (!digestOf(algorithm, bytes).equals(digest)) {
        throw new SharingError('damaged', `chunk ${chunk} does not have its digest`);
      }
      let written = 0;
      while (written < bytes.length) {
        const at = chunk * chunkSize + written;
        written += writeSync(descriptor, bytes, written, bytes.length - written, at);
      }
      report({ chunk, digest: Uint8Array.from(digest) });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      report({
        code: error instanceof SharingError ? error.code : (errnoOf(error) ?? ''),
        message,
      });
      lane.close(undefined, { t: 'bye' });
    }
    return Promise.resolve();
  }

  lane.receive((incoming) => {
    switch (incoming.t) {
      case 'ready':
        return undefined;
      case 'chunk':
        chunks.begin(incoming);
        intake.drop();
        return isOurs(incoming) ? intake.begin(incoming) : undefined;
      case 'data':
        chunks.data(incoming.bytes.length);
        intake.data(incoming.bytes);
        return undefined;
      case 'bye':
      case 'denied':
      case 'error':
        lane.close();
        return undefined;
      default:
        throw breach(incoming.t);
    }
  });
  lane.send(hello);
  await closed(lane);
}

async function closed(lane: Connection): Promise<void> {
  await lane.closed;
  parentPort?.close();
}

function report(what: ThreadReport): void {
  parentPort?.postMessage(what);
}

function breach(what: string): SharingError {
  return new SharingError('protocol', `${what} is not legal on this lane`);
}

void takeChunks(workerData as ThreadTask);
