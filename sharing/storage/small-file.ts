import { after, type Soon } from '#sharing/soon.js';
import { errnoOf, SharingError } from '#sharing/errors.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { closeOnce } from '#sharing/storage/descriptor.js';
import { callsTo, type DiskCalls } from '#sharing/storage/disk-calls.js';
import { paceOf, type DiskPace } from '#sharing/storage/disk-pace.js';
import { secondsOf } from '#sharing/storage/file-state.js';
import type { Folder } from '#sharing/storage/folder.js';
import { folded, maxNumber, numbered, type TakenNumbers } from '#sharing/storage/naming.js';
import type { SafeName } from '#sharing/storage/path.js';
import { giveName, replaces, type Wish } from '#sharing/storage/publishing.js';
import {
  closeSync,
  constants,
  fsync,
  fstatSync,
  fsyncSync,
  futimes,
  futimesSync,
  open as openWith,
  openSync,
  unlinkSync,
  write,
  writeSync,
  type BigIntStats,
} from 'node:fs';
import type { PassingName } from '#sharing/storage/token.js';
import { unlink } from 'node:fs/promises';
import { promisify } from 'node:util';

/**
 * A file of one chunk that was written. On a quick disk it is safe there, and closed: hundreds that wait for it with their
 * descriptors open would cost more than the syncs, for a process of several threads stands still for milliseconds
 * whenever Linux has to make place for more of them.
 */
export interface SmallFile {
  /** The name that it has, or should have. */
  readonly name: SafeName;
  /** Brings it to the disk, if it is not there yet; an error is final for the file. */
  sync(): Soon<void>;
  /** Gives it its name, and lets go of it. */
  publish(): Soon<SafeName>;
  /** Lets go of it, and takes it away. */
  drop(): Promise<void>;
  /** Takes the name away again that `publish` gave, for it cannot be made durable; one that may have replaced a file stays. */
  retract(): Promise<void>;
  /** Lets go of it; what nobody sees may stay for another time. */
  leave(): Promise<void>;
}

/** Reaches the folder of a file again: it may have been closed since the file was written, to make room for others. */
export type Reach = <T>(work: (folder: Folder) => Soon<T>) => Soon<T>;

const anew = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const openLater = promisify(openWith);
const writeSome = promisify(write);
const timesLater = promisify(futimes);

/**
 * Writes a file into a folder that nobody sees yet, under its name at once. Where the name is taken, because this
 * system folds two names of the sender into one, it gets a number behind the last one of `numbers`, for nothing is ever
 * taken away there.
 */
export function writeStaged(
  folder: Folder,
  wish: Pick<Wish, 'name' | 'mtime'>,
  bytes: Buffer,
  pace: DiskPace,
  numbers: TakenNumbers,
  reach: Reach,
): Soon<SmallFile> {
  const beside = (error: unknown): Promise<SmallFile> => {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return writeNumbered(folder, wish, bytes, pace, numbers, reach);
  };
  try {
    const written = writeAs(folder, wish.name, wish, bytes, pace, reach);
    return written instanceof Promise ? written.catch(beside) : written;
  } catch (error) {
    return beside(error);
  }
}

async function writeNumbered(
  folder: Folder,
  wish: Pick<Wish, 'name' | 'mtime'>,
  bytes: Buffer,
  pace: DiskPace,
  numbers: TakenNumbers,
  reach: Reach,
): Promise<SmallFile> {
  const name = folded(wish.name);
  const { key } = folder;
  for (let n = (numbers.last(key, name) ?? 1) + 1; n <= maxNumber; n += 1) {
    try {
      const small = await writeAs(folder, numbered(wish.name, n), wish, bytes, pace, reach);
      numbers.note(key, name, n);
      return small;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
  throw new SharingError('write-failed', `${maxNumber} names are taken`);
}

function writeAs(
  folder: Folder,
  name: SafeName,
  { mtime }: Pick<Wish, 'mtime'>,
  bytes: Buffer,
  pace: DiskPace,
  reach: Reach,
): Soon<SmallFile> {
  return after(folder.at(name), (place) =>
    after(
      pace.run<number | undefined>(
        () => {
          writeNow(place, bytes, mtime, lookAway);
          return undefined;
        },
        () => writeLater(place, bytes, mtime),
      ),
      (file) => new StagedFile(file, name, pace, reach),
    ),
  );
}

const lookAway = (): void => undefined;

/** When it is on the disk it is closed; `look` sees it before. */
function writeNow<T>(place: string, bytes: Buffer, mtime: number, look: (file: number) => T): T {
  const file = openSync(place, anew, 0o666);
  let seen: T;
  try {
    let written = 0;
    while (written < bytes.length) written += writeSync(file, bytes, written);
    const time = secondsOf(mtime);
    futimesSync(file, time, time);
    fsyncSync(file);
    seen = look(file);
  } catch (error) {
    closeQuietly(file);
    removeQuietly(place);
    throw error;
  }
  try {
    closeSync(file);
  } catch (error) {
    // Some file systems write only now.
    removeQuietly(place);
    throw error;
  }
  return seen;
}

/** After another error, which says what is wrong. */
function closeQuietly(file: number): void {
  try {
    closeSync(file);
  } catch {
    // It is closed all the same.
  }
}

function removeQuietly(place: string): void {
  try {
    unlinkSync(place);
  } catch {
    // The first error says what is wrong.
  }
}

/** Writes it leaving this thread, and gives its descriptor: others are written while it is brought to a slow disk. */
async function writeLater(place: string, bytes: Buffer, mtime: number): Promise<number> {
  const file = await openLater(place, anew, 0o666);
  try {
    let written = 0;
    while (written < bytes.length) {
      const done = await writeSome(file, bytes, written, bytes.length - written, null);
      written += done.bytesWritten;
    }
    const time = secondsOf(mtime);
    await timesLater(file, time, time);
    return file;
  } catch (error) {
    closeQuietly(file);
    await unlink(place).catch(() => undefined);
    throw error;
  }
}

/** A class: there are thousands of them, and one object costs less than six functions. */
class StagedFile implements SmallFile {
  readonly name: SafeName;
  readonly #pace: DiskPace;
  readonly #reach: Reach;
  /** Undefined once it is closed. */
  #file: number | undefined;

  constructor(file: number | undefined, name: SafeName, pace: DiskPace, reach: Reach) {
    this.name = name;
    this.#file = file;
    this.#pace = pace;
    this.#reach = reach;
  }

  sync(): Soon<void> {
    const file = this.#file;
    if (file === undefined) return undefined;
    return this.#pace.run(
      () => {
        fsyncSync(file);
      },
      // Looked up at the call, as the one above is: whoever makes one of them fail makes both.
      () => promisify(fsync)(file),
    );
  }

  publish(): SafeName {
    this.#close();
    return this.name;
  }

  async drop(): Promise<void> {
    this.#close();
    await this.retract();
  }

  async retract(): Promise<void> {
    await this.#reach(async (folder) => unlink(await folder.at(this.name)));
  }

  async leave(): Promise<void> {
    await Promise.resolve();
    this.#close();
  }

  /** Once, as `closeOnce` does. */
  #close(): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeSync(file);
  }
}

/** One that is closed, and what it was; or the descriptor of one that is not. */
type Loose =
  | { readonly is: BigIntStats; readonly file?: undefined }
  | { readonly file: number; readonly is?: undefined };

function look(file: number): BigIntStats {
  return fstatSync(file, { bigint: true });
}

/**
 * Writes a file that gets its name in a folder that others see, when it is on the disk; until then it lies in the landing
 * area as `name`.
 */
export async function writeLoose(
  area: LandingArea,
  { name, isOurs }: PassingName,
  wish: Wish,
  bytes: Buffer,
  reach: Reach = (work) => work(area.target),
): Promise<SmallFile> {
  const { device } = area.folder;
  const calls = callsTo(device);
  const place = await area.folder.at(name);
  const { file, is: known } = await paceOf(device).run<Loose>(
    () => ({ is: writeNow(place, bytes, wish.mtime, look) }),
    async () => ({ file: await writeLater(place, bytes, wish.mtime) }),
  );
  const close = file === undefined ? () => undefined : closeOnce(file);
  const drop = async (): Promise<void> => {
    close();
    await removeIfThere(calls, await area.folder.at(name));
  };
  let published: { readonly as: SafeName; readonly ino: bigint } | undefined;
  return {
    name: wish.name,
    sync: () => (file === undefined ? undefined : calls.fsync(file)),
    async publish() {
      const is = file === undefined ? known : await calls.fstat(file);
      const unpublished = { is, size: bytes.length, name, isOurs };
      const as = await reach((target) => giveName({ ...area, target }, unpublished, wish));
      published = { as, ino: is.ino };
      close();
      await removeIfThere(calls, await area.folder.at(name));
      return as;
    },
    drop,
    async retract() {
      // What was replaced is gone, and none at all would be worse.
      if (!published || replaces(wish.policy)) return;
      const { as, ino } = published;
      await reach(async (target) => {
        const there = await target.at(as);
        // Somebody may have taken it away meanwhile; what stands there then is not ours.
        if ((await calls.lstat(there)).ino === ino) await calls.unlink(there);
      });
    },
    leave: drop,
  };
}

/** A rename has taken it along. */
async function removeIfThere(calls: DiskCalls, place: string): Promise<void> {
  try {
    await calls.unlink(place);
  } catch {
    // What cannot be removed now is swept later.
  }
}
