import { asSharingError, SharingError, writeError } from '#sharing/errors.js';
import {
  batchReceiveRules,
  type Offered,
  type OfferedFile,
} from '#sharing/session/batch-receiving.js';
import type { FromSender } from '#sharing/session/incoming.js';
import { rangesOf } from '#sharing/session/ranges.js';
import { advance } from '#sharing/storage/advance.js';
import type { LandingArea } from '#sharing/storage/area.js';
import { digestOf, digestText, type DigestAlgorithm } from '#sharing/storage/digest.js';
import { diskPace } from '#sharing/storage/disk-pace.js';
import { secondsText } from '#sharing/storage/file-state.js';
import type { Folder } from '#sharing/storage/folder.js';
import { openComparison } from '#sharing/storage/identical.js';
import type { SafeName } from '#sharing/storage/path.js';
import { standingOf } from '#sharing/storage/policy.js';
import type { Room } from '#sharing/storage/room.js';
import { lookAt, writeLoose, writeStaged } from '#sharing/storage/small-file.js';
import {
  arrivingFolders,
  type ArrivingFolder,
  type ArrivingTop,
} from '#sharing/transfer/arriving-folders.js';
import { allEnded, gate } from '#sharing/transfer/gate.js';
import type { OnProgress } from '#sharing/transfer/progress.js';
import { receiptGroups, type Kept } from '#sharing/transfer/receipt-group.js';
import { startReceiving, type ReceiveOutcome, type Receiving } from '#sharing/transfer/receive.js';
import { patience, watchStall } from '#sharing/transfer/stall.js';
import type { Connection } from '#sharing/transport/connection.js';
import { leastMovement } from '#sharing/transport/heartbeat.js';
import type { ChunkHeader } from '#sharing/wire/frame.js';
import type { MessageOf, Policy, Want } from '#sharing/wire/message.js';
import { refusalOf, refusedBy } from '#sharing/wire/refusal.js';
import { unlink, utimes } from 'node:fs/promises';

/** How one thing of a batch ended. */
export type ReceivedOne =
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly outcome: ReceiveOutcome;
      /** Names from the top's own down to the folder that the file lies in; none for a file at the top. */
      readonly below: readonly SafeName[];
      /** It appears with the folder at the top, which may get another name, and not before. */
      readonly staged: boolean;
    }
  | { readonly kind: 'folder'; readonly path: string; readonly as: SafeName }
  /** A folder that could not be sent whole, or not be received. */
  | { readonly kind: 'problem'; readonly path: string; readonly error: SharingError };

/** Many files on their way in. A pending promise means: read no further. */
export interface BatchReceiving {
  tell(frame: FromSender): Promise<void> | undefined;
  chunk(header: ChunkHeader): Promise<void> | undefined;
  data(bytes: Buffer): void;
  /** Gives it up; the sender is told, and the outcome waits for its last word. */
  cancel(): void;
  /** Ends it without a word, because the other side has said the last one. */
  abandon(error: SharingError): void;
  /** Resolves with what the sender left out; rejects with the reason when it was broken off. */
  readonly outcome: Promise<{ readonly links: number; readonly hidden: number }>;
}

export interface BatchReceiveOptions {
  readonly id: number;
  readonly area: () => Promise<LandingArea>;
  readonly room: Room;
  /** The name that a file or folder at the top gets here. Throws SharingError when it must not come. */
  readonly nameOf: (offered: SafeName, type: 'file' | 'folder') => SafeName;
  readonly policy: Policy;
  readonly peer: string;
  readonly algorithm: DigestAlgorithm;
  readonly stallTime: number;
  readonly onEnd: (one: ReceivedOne) => void;
  readonly onProgress?: OnProgress;
}

/** Large files that are received at once. */
const maxLarge = 2;
/** Bytes of small files that came and are not written yet, before no more is read. */
const maxWaiting = 4 * 1024 * 1024;
/** Rows of wants that one message holds for sure. */
const wantRows = 40;
/** Receipts, each with a name, that one message holds for sure. */
const namedRows = 100;

/** A file of the batch, and where it comes to lie. */
interface Arrival {
  readonly offered: OfferedFile;
  /** Undefined for a file at the top. */
  readonly folder: ArrivingFolder | undefined;
  /** Final name. */
  readonly name: SafeName;
  /** Bytes that are set aside for it. */
  reserved: number;
  digest: Buffer | undefined;
}

/** Receives what a sender offers in one batch (PROTOCOL.md, "Batches"). `first` is its first page. */
export function startBatchReceiving(
  connection: Connection,
  first: MessageOf<'offer'>,
  options: BatchReceiveOptions,
): BatchReceiving {
  const { id, room, policy, peer, algorithm, stallTime, onEnd } = options;
  const { onProgress = () => undefined } = options;
  const rules = batchReceiveRules();
  const pace = diskPace();
  const aside = advance(room, async () => (await options.area()).folder.self());
  const news = gate();
  const began = Date.now();
  const rows: Offered[] = [];
  const arrivals = new Map<number, Arrival>();
  const large = new Map<number, Receiving>();
  const landing: { readonly arrival: Arrival; readonly bytes: Buffer }[] = [];
  const working = new Set<Promise<void>>();
  const total = { files: 0, bytes: 0, done: 0, confirmed: 0 };
  let wants: Want[] = [];
  let wanted: number[] = [];
  let judged = 0;
  let told = 0;
  let telling: NodeJS.Immediate | undefined;
  let waitingBytes = 0;
  let open: { readonly arrival: Arrival; readonly bytes: Buffer; fill: number } | undefined;
  let openLarge: Receiving | undefined;
  let comparing: Promise<void> = Promise.resolve();
  let left = { links: 0, hidden: 0 };
  let dripped = 0;
  /** `told`: the sender knows, and has to say the last word. */
  let stopped: { readonly error: SharingError; over: boolean } | undefined;

  const folders = arrivingFolders({
    area: options.area,
    peer,
    nameOf: (name) => options.nameOf(name, 'folder'),
    onTop,
    onFinished: () => {
      news.open();
    },
  });
  const groups = receiptGroups<Arrival>(settle, onKept);
  const watch = watchStall(stallTime, howLong, () => {
    const error = new SharingError('stalled', 'the sender sends no more');
    connection.close(error, { t: 'error', ...refusalOf(error) });
  });

  /** While we judge, write or save, the sender waits for us. */
  function howLong(): number {
    if (stopped) return patience.receiver;
    if (rows.length > 0 || landing.length > 0 || !groups.isIdle()) return 0;
    if (!connection.listening()) return 0;
    const waits = [...large.values()].map((one) => one.patience());
    if (waits.includes(0)) return 0;
    if (rules.awaited() > 0 || waits.length > 0) return patience.receiver;
    return rules.isWhole() ? 0 : patience.answer;
  }

  function take({ files, more, left: skipped }: MessageOf<'offer'>): void {
    rows.push(...rules.offer(files, more));
    if (skipped) left = skipped;
    news.open();
  }

  async function judgeAll(): Promise<void> {
    for (;;) {
      mustGoOn();
      const row = rows[0];
      if (row) {
        await judge(row);
        rows.shift();
        judged = rules.judged();
        tellLater();
      } else if (rules.isWhole()) break;
      else await news.wait();
    }
    folders.goTo(undefined);
  }

  function mustGoOn(): void {
    connection.signal.throwIfAborted();
    if (stopped) throw stopped.error;
  }

  async function judge(row: Offered): Promise<void> {
    if (row.kind === 'folder') {
      await folders.enter(row).catch((error: unknown) => {
        const known = asSharingError(error);
        if (isOfDisk(known)) throw known;
        if (row.parent) return;
        connection.send({ t: 'fail', id, file: row.file, ...refusalOf(known) });
        rules.over(row.file);
        onEnd({ kind: 'problem', path: row.path, error: known });
      });
      return;
    }
    folders.goTo(row.parent);
    total.files += 1;
    total.bytes += row.size;
    const folder = row.parent && folders.find(row.parent);
    try {
      if (folder instanceof SharingError) throw folder;
      if (typeof row.name !== 'string') throw row.name;
      const name = folder ? row.name : options.nameOf(row.name, 'file');
      room.mustAllow(row.size);
      const arrival: Arrival = {
        offered: row,
        folder,
        name,
        reserved: 0,
        digest: undefined,
      };
      arrivals.set(row.file, arrival);
      if (folder) folders.begin(folder);
      if (row.kind === 'large') await judgeLarge(arrival);
      else await judgeSmall(arrival);
    } catch (error) {
      mustGoOn();
      const known = asSharingError(error);
      if (isOfDisk(known)) throw known;
      refuse(row, known);
    }
  }

  function refuse(row: OfferedFile, error: SharingError): void {
    want({ want: 'refused', file: row.file, ...refusalOf(error) });
    const arrival = arrivals.get(row.file);
    if (arrival) over(arrival, { kind: 'failed', error });
    else end(row, [], false, { kind: 'failed', error });
  }

  async function judgeLarge(arrival: Arrival): Promise<void> {
    while (large.size >= maxLarge) {
      tell();
      await news.wait();
      mustGoOn();
    }
    const { offered, folder, name } = arrival;
    const area = await options.area();
    const lease = folder && (await folders.take(folder));
    const below = folder ? [folder.top.name, ...folder.below] : [];
    const target = lease?.folder ?? area.target;
    const staged = folder?.top.staging !== undefined;
    const anew = staged && !(await isOfThisTime(target, name));
    const { file, size, mtime, tag } = offered;
    tell();
    const receiving = startReceiving(connection, {
      id,
      file,
      area: () => Promise.resolve({ ...area, target, below }),
      room,
      name,
      ...(folder && { place: [...below, name].join('/') }),
      policy: staged ? (anew ? 'overwrite' : 'number') : policy,
      size,
      mtime,
      tag,
      peer,
      algorithm,
      stallTime,
      watch,
      onProgress: ({ phase, bytes }) => {
        if (phase === 'sending') tellProgress(bytes);
      },
    });
    large.set(file, receiving);
    follow(
      receiving.outcome
        .then((outcome) => {
          over(arrival, outcome);
        })
        .catch(() => undefined)
        .finally(() => {
          large.delete(file);
          lease?.release();
          news.open();
        }),
    );
  }

  /** True for what this batch has brought: two names of the sender may be one here. */
  async function isOfThisTime(folder: Folder, name: SafeName): Promise<boolean> {
    const there = await lookAt(folder, name);
    return there !== undefined && there.changed >= began;
  }

  async function judgeSmall(arrival: Arrival): Promise<void> {
    const { offered, folder, name } = arrival;
    const { file, size, mtime } = offered;
    const staging = folder?.top.staging;
    if (!staging?.fresh) {
      const lease = folder && (await folders.take(folder));
      try {
        const target = lease?.folder ?? (await options.area()).target;
        const standing = staging
          ? await standingInStaging(target, name, size)
          : await standingHere(target, name, size, mtime);
        if (standing === 'skip') {
          want({ want: 'nothing', file, reason: 'skipped', as: name });
          over(arrival, { kind: 'skipped', as: name });
          return;
        }
        if (standing === 'compare') {
          rules.want(file, 'digest', size);
          want({ want: 'digests', file });
          return;
        }
        if (standing === 'identical') {
          identical(arrival, name, digestOf(algorithm, Buffer.alloc(0)));
          return;
        }
      } finally {
        lease?.release();
      }
    }
    await askFor(arrival);
  }

  type Standing = 'skip' | 'compare' | 'identical' | 'new';

  /** In a tree that lies here from an earlier time: what is not of this time is as good as the digest says. */
  async function standingInStaging(
    target: Folder,
    name: SafeName,
    size: number,
  ): Promise<Standing> {
    const there = await lookAt(target, name);
    if (!there || there.changed >= began) return 'new';
    if (there.size === size && size > 0) return 'compare';
    if (there.size !== undefined) await unlink(await target.at(name));
    return 'new';
  }

  async function standingHere(
    target: Folder,
    name: SafeName,
    size: number,
    mtime: number,
  ): Promise<Standing> {
    const standing = await standingOf(target, name, policy, mtime);
    if (standing === 'skip') return 'skip';
    const there = await lookAt(target, name);
    if (!there) return 'new';
    const area = await options.area();
    await using comparison = await openComparison(
      { ...area, target },
      name,
      size,
      algorithm,
      standing === 'beside',
    );
    if (!comparison.hopeful()) return 'new';
    if (size > 0) return 'compare';
    return (await comparison.same()) ? 'identical' : 'new';
  }

  /** Of an empty file nothing travels: it is here. */
  async function askFor(arrival: Arrival): Promise<void> {
    const { file, size } = arrival.offered;
    await aside.take(size, () =>
      rows.reduce((sum, row) => (row.kind === 'small' ? sum + row.size : sum), 0),
    );
    arrival.reserved = size;
    mustGoOn();
    if (size === 0) {
      landing.push({ arrival, bytes: Buffer.alloc(0) });
      news.open();
      return;
    }
    rules.want(file, 'bytes', size);
    wanted.push(file);
    tellLater();
  }

  async function compare(arrival: Arrival, digest: Buffer): Promise<void> {
    const { offered, folder, name } = arrival;
    const lease = folder && (await folders.take(folder));
    try {
      const area = await options.area();
      const target = lease?.folder ?? area.target;
      const staged = folder?.top.staging !== undefined;
      const beside = !staged && policy === 'number';
      const here = { ...area, target };
      await using comparison = await openComparison(here, name, offered.size, algorithm, beside);
      if (comparison.hopeful()) await comparison.compare(digest);
      const same = await comparison.same();
      mustGoOn();
      if (same) {
        const time = secondsText(offered.mtime);
        if (staged) await utimes(await target.at(same.as), time, time);
        identical(arrival, same.as, digest);
        return;
      }
      if (staged) await unlink(await target.at(name)).catch(() => undefined);
      await askFor(arrival);
    } finally {
      lease?.release();
    }
  }

  function identical(arrival: Arrival, as: SafeName, digest: Buffer): void {
    const { file, size } = arrival.offered;
    const text = digestText(algorithm, digest);
    // What lies in a tree that nobody has seen was brought by us, at an earlier time.
    const staged = arrival.folder?.top.staging !== undefined;
    const reason = staged ? 'staged' : 'identical';
    want({ want: 'nothing', file, reason, as, digest: text });
    const kind = staged ? 'received' : 'identical';
    over(arrival, { kind, as, size, digest: text });
  }

  async function landAll(): Promise<void> {
    for (;;) {
      mustGoOn();
      const next = landing[0];
      if (next) {
        await groups.place();
        await land(next.arrival, next.bytes);
        landing.shift();
        waitingBytes -= next.bytes.length;
        news.open();
      } else if (isDone()) return;
      else await news.wait();
    }
  }

  async function land(arrival: Arrival, bytes: Buffer): Promise<void> {
    const { offered, folder, name } = arrival;
    const { mtime, size } = offered;
    try {
      const digest = digestOf(algorithm, bytes);
      if (arrival.digest && !digest.equals(arrival.digest)) {
        throw new SharingError('damaged', 'the file does not have its digest');
      }
      arrival.digest = digest;
      const wish = { name, policy, mtime };
      const area = await options.area();
      const lease = folder && (await folders.take(folder));
      try {
        const target = lease?.folder ?? area.target;
        const below = folder ? [folder.top.name, ...folder.below] : [];
        const small = folder?.top.staging
          ? await writeStaged(target, wish, bytes, pace)
          : await writeLoose({ ...area, target, below }, wish, bytes);
        aside.written(arrival.reserved);
        arrival.reserved = 0;
        groups.add({ small, size, of: arrival });
      } finally {
        lease?.release();
      }
    } catch (error) {
      const known = writeError(error);
      if (isOfDisk(known)) throw known;
      failed(arrival, known);
    }
  }

  function giveBack(arrival: Arrival): void {
    aside.spare(arrival.reserved);
    arrival.reserved = 0;
  }

  function failed(arrival: Arrival, error: SharingError): void {
    connection.send({ t: 'fail', id, file: arrival.offered.file, ...refusalOf(error) });
    over(arrival, { kind: 'failed', error });
  }

  /** Where others see them, names become durable before a receipt is given; a staged tree settles its own. */
  async function settle(group: readonly Arrival[]): Promise<void> {
    const seen = new Set<ArrivingFolder | undefined>();
    const touched = new Set<ArrivingTop>();
    for (const { folder } of group) {
      if (folder?.top.staging) touched.add(folder.top);
      else seen.add(folder);
    }
    for (const folder of seen) {
      const lease = folder && (await folders.take(folder));
      const target = lease?.folder ?? (await options.area()).target;
      await target.sync().finally(() => lease?.release());
    }
    for (const { staging } of touched) await staging?.touch();
  }

  function onKept(group: readonly Kept<Arrival>[]): void {
    const stored = group.filter((one) => 'as' in one).map(({ of, as }) => ({ of, as }));
    stored.sort((a, b) => a.of.offered.file - b.of.offered.file);
    for (let at = 0; at < stored.length; at += namedRows)
      tellStored(stored.slice(at, at + namedRows));
    for (const { of, as } of stored) {
      const { digest } = of;
      if (!digest) continue;
      const { size } = of.offered;
      over(of, { kind: 'received', as, size, digest: digestText(algorithm, digest) });
    }
    for (const one of group) if ('error' in one) failed(one.of, one.error);
    news.open();
  }

  function tellStored(stored: readonly { readonly of: Arrival; readonly as: SafeName }[]): void {
    const renamed = stored.filter(({ of, as }) => !of.folder || as !== of.offered.name);
    const named = renamed.map(({ of, as }): [number, string] => [of.offered.file, as]);
    for (const part of rangesOf(stored.map(({ of }) => of.offered.file))) {
      connection.send({ t: 'receipts', id, stored: part, named });
    }
  }

  function over(arrival: Arrival, outcome: ReceiveOutcome): void {
    const { offered, folder } = arrival;
    arrivals.delete(offered.file);
    giveBack(arrival);
    const below = folder ? [folder.top.name, ...folder.below] : [];
    end(offered, below, folder?.top.staging !== undefined, outcome);
    if (folder) folders.end(folder);
  }

  function end(
    { file, path, size }: OfferedFile,
    below: readonly SafeName[],
    staged: boolean,
    outcome: ReceiveOutcome,
  ): void {
    rules.over(file);
    total.done += 1;
    total.confirmed += size;
    // What a stop took with it is told once.
    if (!stopped || outcome.kind !== 'failed')
      onEnd({ kind: 'file', path, outcome, below, staged });
    tellProgress(0);
    news.open();
  }

  function onTop({ offered }: ArrivingTop, ended: SafeName | SharingError): void {
    const { file, path } = offered;
    // What was decided of its files is said before.
    tell();
    if (ended instanceof SharingError) {
      connection.send({ t: 'fail', id, file, ...refusalOf(ended) });
      onEnd({ kind: 'problem', path, error: ended });
    } else {
      connection.send({ t: 'placed', id, file, as: ended });
      onEnd({ kind: 'folder', path, as: ended });
    }
    rules.over(file);
    news.open();
  }

  function tellProgress(more: number): void {
    const { files: of, bytes: size, done, confirmed } = total;
    const files = { done, of, counted: rules.isWhole() && rows.length === 0 };
    onProgress({ phase: 'sending', bytes: confirmed + more, size, files });
  }

  function want(row: Want): void {
    wants.push(row);
    tellLater();
  }

  /** Wants that come together go together. */
  function tellLater(): void {
    telling ??= setImmediate(tell);
  }

  function tell(): void {
    clearImmediate(telling);
    telling = undefined;
    if (stopped || connection.signal.aborted) return;
    const files = wants;
    const parts = rangesOf(wanted.sort((a, b) => a - b));
    wants = [];
    wanted = [];
    const message = { t: 'want', id, more: false, judged } as const;
    for (let at = 0; at < files.length; at += wantRows) {
      connection.send({ ...message, files: files.slice(at, at + wantRows) });
    }
    for (const all of parts) connection.send({ ...message, files: [], all });
    if (files.length + parts.length === 0 && told < judged) {
      connection.send({ ...message, files: [] });
    }
    told = judged;
  }

  function isDone(): boolean {
    return rows.length === 0 && landing.length === 0 && rules.isDone() && folders.isDone();
  }

  function follow(work: Promise<void>): void {
    const done = work
      .catch((error: unknown) => {
        stop(asSharingError(error));
      })
      .finally(() => working.delete(done));
    working.add(done);
  }

  /** Ends all of it; the sender says the last word. */
  function stop(error: SharingError): void {
    if (stopped) return;
    clearImmediate(telling);
    stopped = { error, over: false };
    if (!connection.signal.aborted) connection.send({ t: 'stop', id, ...refusalOf(error) });
    for (const one of large.values()) one.abandon(error);
    news.open();
  }

  /** The sender has said its last word. */
  function ended(error: SharingError): void {
    stopped ??= { error, over: true };
    stopped.over = true;
    for (const one of large.values()) one.abandon(stopped.error);
    news.open();
  }

  async function run(): Promise<{ readonly links: number; readonly hidden: number }> {
    const onAbort = (): void => {
      news.open();
    };
    connection.signal.addEventListener('abort', onAbort, { once: true });
    try {
      take(first);
      await allEnded([stopOnError(judgeAll()), stopOnError(landAll())]);
      tell();
      connection.send({ t: 'finished', id });
      return left;
    } catch (error) {
      // What still comes is read past until the sender has heard of it.
      while (stopped && !stopped.over && !connection.signal.aborted) await news.wait();
      throw error;
    } finally {
      connection.signal.removeEventListener('abort', onAbort);
      watch[Symbol.dispose]();
      clearImmediate(telling);
      await comparing.catch(() => undefined);
      while (working.size > 0) await Promise.all(working);
      await groups.leave();
      aside.release();
      await folders.leave(true);
    }
  }

  async function stopOnError(half: Promise<void>): Promise<void> {
    try {
      await half;
    } catch (error) {
      if (!connection.signal.aborted) stop(asSharingError(error));
      news.open();
      throw stopped?.error ?? asSharingError(error);
    }
  }

  /** What comes after a stop, and until the sender has heard of it, is read past. */
  function isDeaf(): boolean {
    return stopped !== undefined;
  }

  function fromSender(frame: Extract<FromSender, { t: 'fail' }>): void {
    const { file } = frame;
    const one = large.get(file);
    if (one) {
      void one.tell(frame);
      return;
    }
    const error = refusedBy(frame);
    const arrival = arrivals.get(file);
    if (arrival) over(arrival, { kind: 'failed', error });
    else if (!rules.isOpen(file) || rules.folderPath(file) !== undefined) {
      const path = rules.folderPath(file);
      if (path !== undefined) onEnd({ kind: 'problem', path, error });
    }
  }

  return {
    tell(frame) {
      if (frame.t === 'stop') {
        ended(refusedBy(frame));
        return undefined;
      }
      if (isDeaf()) return undefined;
      watch.moved();
      if (frame.t === 'offer') {
        take(frame);
        return undefined;
      }
      if (frame.t === 'fail') {
        fromSender(frame);
        return undefined;
      }
      const one = large.get(frame.file);
      if (one) return one.tell(frame);
      if (frame.t === 'end') {
        rules.isOpen(frame.file);
        return undefined;
      }
      const wantsIt = rules.digest(frame);
      const arrival = arrivals.get(frame.file);
      if (!wantsIt || !arrival) return undefined;
      const digest = Buffer.from(frame.digests);
      comparing = comparing.then(() =>
        compare(arrival, digest).catch((error: unknown) => {
          const known = writeError(error);
          if (isOfDisk(known) || stopped) stop(known);
          else refuse(arrival.offered, known);
        }),
      );
      return comparing;
    },
    chunk(header) {
      open = undefined;
      openLarge = undefined;
      if (isDeaf()) return undefined;
      openLarge = large.get(header.file);
      if (openLarge) return openLarge.chunk(header);
      const arrival = arrivals.get(header.file);
      if (!rules.chunk(header) || !arrival) return undefined;
      arrival.digest = Buffer.from(header.digest);
      open = { arrival, bytes: Buffer.allocUnsafe(header.length), fill: 0 };
      waitingBytes += header.length;
      return waitingBytes > maxWaiting ? untilLanded() : undefined;
    },
    data(bytes) {
      dripped += bytes.length;
      if (dripped >= leastMovement) {
        dripped = 0;
        watch.moved();
      }
      if (openLarge) openLarge.data(bytes);
      if (!open) return;
      open.fill += bytes.copy(open.bytes, open.fill);
      if (open.fill < open.bytes.length) return;
      landing.push(open);
      open = undefined;
      news.open();
    },
    cancel() {
      stop(new SharingError('cancelled', 'cancelled by the receiver'));
    },
    abandon(error) {
      ended(error);
    },
    outcome: run(),
  };

  async function untilLanded(): Promise<void> {
    while (waitingBytes > maxWaiting / 2 && !stopped && !connection.signal.aborted) {
      await news.wait();
    }
  }
}

/** What ends all of a batch: no file after this one would fare better. */
function isOfDisk({ code }: SharingError): boolean {
  return (
    code === 'no-room' ||
    code === 'over-quota' ||
    code === 'folder-gone' ||
    code === 'landing-not-private'
  );
}
