import { errnoOf } from '#sharing/errors.js';
import type { Soon } from '#sharing/soon.js';
import { paceOf, type DiskPace } from '#sharing/storage/disk-pace.js';
import {
  fstat,
  fstatSync,
  fsync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  open,
  openSync,
  readFileSync,
  statfsSync,
  statSync,
  unlinkSync,
  utimesSync,
  write,
  writeSync,
  type BigIntStats,
  type StatsFs,
} from 'node:fs';
import { link, lstat, mkdir, readFile, stat, statfs, unlink, utimes } from 'node:fs/promises';
import { promisify } from 'node:util';

const fstatLater = promisify(fstat);
const openLater = promisify(open);
const writeLater = promisify(write);

/**
 * File calls at the pace of their disk: a quick one answers at once, for the way through another thread and back takes
 * longer than most calls. Each fails as the system does.
 */
export interface DiskCalls {
  lstat(place: string): Soon<BigIntStats>;
  /** As `lstat`, but undefined where nothing is. */
  find(place: string): Soon<BigIntStats | undefined>;
  stat(place: string): Soon<BigIntStats>;
  /** Gives the descriptor. */
  open(place: string, flags: number): Soon<number>;
  fstat(descriptor: number): Soon<BigIntStats>;
  fsync(descriptor: number): Soon<void>;
  /** Writes all of `bytes`. */
  write(descriptor: number, bytes: Buffer, position: number): Soon<void>;
  link(from: string, to: string): Soon<void>;
  unlink(place: string): Soon<void>;
  mkdir(place: string): Soon<void>;
  /** Both times are in seconds since 1970. */
  utimes(place: string, accessed: string | number, modified: string | number): Soon<void>;
  readText(place: string): Soon<string>;
  statfs(place: string): Soon<StatsFs>;
}

async function findLater(place: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(place, { bigint: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return undefined;
  }
}

const ofDevices = new Map<bigint, DiskCalls>();

/** The calls to a device, by its number (`st_dev` of stat(2)). */
export function callsTo(device: bigint): DiskCalls {
  const known = ofDevices.get(device);
  if (known) return known;
  const calls = callsAt(paceOf(device));
  ofDevices.set(device, calls);
  return calls;
}

/** Calls in the thread pool, for what lies on a disk that nobody knows yet. */
export const callsElsewhere: Pick<DiskCalls, 'open' | 'fstat'> = {
  open: (place, flags) => openLater(place, flags),
  fstat: (descriptor) => fstatLater(descriptor, { bigint: true }),
};

function callsAt(pace: DiskPace): DiskCalls {
  const run = <T>(now: () => T, later: () => Promise<T>): Soon<T> => pace.run(now, later);
  const big = { bigint: true } as const;
  return {
    lstat: (place) =>
      run(
        () => lstatSync(place, big),
        () => lstat(place, big),
      ),
    find: (place) =>
      run(
        () => lstatSync(place, { ...big, throwIfNoEntry: false }),
        () => findLater(place),
      ),
    stat: (place) =>
      run(
        () => statSync(place, big),
        () => stat(place, big),
      ),
    open: (place, flags) =>
      run(
        () => openSync(place, flags),
        () => openLater(place, flags),
      ),
    fstat: (descriptor) =>
      run(
        () => fstatSync(descriptor, big),
        () => fstatLater(descriptor, big),
      ),
    fsync: (descriptor) =>
      run(
        () => {
          fsyncSync(descriptor);
        },
        // Looked up at the call, as the one above is: whoever makes one of them fail makes both.
        () => promisify(fsync)(descriptor),
      ),
    write: (descriptor, bytes, position) =>
      run(
        () => {
          for (let done = 0; done < bytes.length;) {
            done += writeSync(descriptor, bytes, done, bytes.length - done, position + done);
          }
        },
        async () => {
          for (let done = 0; done < bytes.length;) {
            const left = bytes.length - done;
            done += (await writeLater(descriptor, bytes, done, left, position + done)).bytesWritten;
          }
        },
      ),
    link: (from, to) =>
      run(
        () => {
          linkSync(from, to);
        },
        () => link(from, to),
      ),
    unlink: (place) =>
      run(
        () => {
          unlinkSync(place);
        },
        () => unlink(place),
      ),
    mkdir: (place) =>
      run(
        () => {
          mkdirSync(place);
        },
        () => mkdir(place),
      ),
    utimes: (place, accessed, modified) =>
      run(
        () => {
          utimesSync(place, accessed, modified);
        },
        () => utimes(place, accessed, modified),
      ),
    statfs: (place) =>
      run(
        () => statfsSync(place),
        () => statfs(place),
      ),
    readText: (place) =>
      run(
        () => readFileSync(place, 'utf8'),
        () => readFile(place, 'utf8'),
      ),
  };
}
