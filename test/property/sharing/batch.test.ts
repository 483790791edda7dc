import { SharingError } from '#sharing/errors.js';
import { batchReceiveRules, type OfferedFile } from '#sharing/session/batch-receiving.js';
import {
  batchSendRules,
  maxOpenRows,
  smallWindow,
  type BatchNews,
} from '#sharing/session/batch-sending.js';
import type { FromReceiver } from '#sharing/session/incoming.js';
import { countOf, rangesOf } from '#sharing/session/ranges.js';
import { chunkSize } from '#sharing/wire/frame.js';
import type { MessageOf, Want } from '#sharing/wire/message.js';
import { isRefusedRow, type OfferRow } from '#sharing/wire/rows.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

/** What becomes of a file, as far as one side alone decides it. */
const fates = [
  ...['bytes', 'digest-then-bytes', 'identical', 'skipped', 'refused'],
  ...['cannot-be-read', 'cannot-be-written'],
] as const;

const steps = [
  'top',
  'folder',
  'up',
  'small',
  'small',
  'small',
  'empty',
  'large',
  'refused',
] as const;

interface Plan {
  readonly step: (typeof steps)[number];
  readonly fate: (typeof fates)[number];
  /** Bytes of a small file. */
  readonly size: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  step: fc.constantFrom(...steps),
  fate: fc.constantFrom(...fates),
  size: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: chunkSize })),
});

type FromSender =
  | { readonly is: 'offer'; readonly rows: readonly OfferRow[]; readonly more: boolean }
  | { readonly is: 'chunk' | 'digest' | 'fail' | 'end'; readonly file: number };

/** The rows of a plan, in folder order, and what is to become of each. */
function rowsOf(plans: readonly Plan[]): { row: OfferRow; plan: Plan }[] {
  let way: string[] = [];
  return plans.flatMap((one, at) => {
    if (one.step === 'up') {
      way = way.slice(0, -1);
      return [];
    }
    if (one.step === 'top' || one.step === 'refused') way = [];
    const path = [...way, `n${at}`].join('/');
    if (one.step === 'refused') return [{ row: [path, 'not-found', ''] as OfferRow, plan: one }];
    const isFolder = one.step === 'top' || (one.step === 'folder' && way.length < 20);
    if (isFolder) {
      way = [...way, `n${at}`];
      return [{ row: [path, 0] as OfferRow, plan: one }];
    }
    if (one.step === 'large') {
      return [{ row: [path, 2 * chunkSize, 0, 'a'.repeat(32)] as OfferRow, plan: one }];
    }
    return [{ row: [path, one.step === 'empty' ? 0 : one.size, 0] as OfferRow, plan: one }];
  });
}

/** The two sides of one batch, with all that lies between them; each step is something that one of them may do now. */
function play(plans: readonly Plan[]): {
  steps: () => (() => void)[];
  ended: () => boolean;
  check: () => void;
} {
  const id = 1;
  const rows = rowsOf(plans);
  const [sender, receiver] = [batchSendRules(), batchReceiveRules()];
  const toReceiver: FromSender[] = [];
  const toSender: FromReceiver[] = [];
  /** How each row ended on either side. */
  const sentEnds = new Map<number, string>();
  const receivedEnds = new Map<number, string>();
  const jobs: { file: number; what: 'bytes' | 'digest' | 'large' }[] = [];
  let offeredRows = 0;
  let isLastOut = false;
  let heardFinished = false;
  let saidFinished = false;
  let [underWay, mostUnderWay] = [0, 0];
  const inWindow = new Set<number>();

  const unjudged: ReturnType<typeof receiver.offer>[number][] = [];
  const files = new Map<number, OfferedFile>();
  const landed: number[] = [];
  let wants: Want[] = [];
  let wanted: number[] = [];
  let [judged, told] = [0, 0];
  /** Rows at the top that are folders, and the files in each that are not over. */
  const tops = new Map<number, { pending: Set<number>; growing: boolean }>();
  let lastTop: number | undefined;

  const planOf = (file: number): Plan => rows[file]!.plan;
  const sizeOf = (file: number): number => files.get(file)?.size ?? rows[file]!.plan.size;

  function endAt(ends: Map<number, string>, file: number, how: string): void {
    expect(ends.has(file), `row ${file} ends twice`).toBe(false);
    ends.set(file, how);
  }

  function overHere(file: number, how: string): void {
    endAt(receivedEnds, file, how);
    receiver.over(file);
    for (const top of tops.values()) top.pending.delete(file);
  }

  function news(one: BatchNews): void {
    switch (one.is) {
      case 'wanted':
        jobs.push({ file: one.file, what: one.what });
        return;
      case 'large':
        newsOfLarge(one.file, one.message);
        return;
      case 'over':
        leaveWindow(one.file);
        endAt(sentEnds, one.file, one.outcome.kind);
        return;
      case 'placed':
        endAt(sentEnds, one.file, 'placed');
        return;
      case 'finished':
        heardFinished = true;
        return;
      case 'remark':
      case 'stopped':
        throw new Error(`nobody says ${one.is} here`);
    }
  }

  function newsOfLarge(
    file: number,
    message: Extract<BatchNews, { is: 'large' }>['message'],
  ): void {
    if ('want' in message) {
      if (message.want === 'all') jobs.push({ file, what: 'large' });
      else endAt(sentEnds, file, message.want === 'refused' ? 'failed' : 'skipped');
    } else if (message.t === 'receipt') endAt(sentEnds, file, 'stored');
    else if (message.t === 'fail') {
      endAt(sentEnds, file, 'failed');
      sender.ended(file);
    }
  }

  function leaveWindow(file: number): void {
    if (inWindow.delete(file)) underWay -= sizeOf(file);
  }

  function offerPage(): void {
    const count = Math.min(sender.mayOffer(), 1 + (offeredRows % 500), rows.length - offeredRows);
    const page = rows.slice(offeredRows, offeredRows + count);
    for (const one of page) {
      const { row } = one;
      const top = !row[0].includes('/');
      if (isRefusedRow(row)) endAt(sentEnds, offeredRows + page.indexOf(one), 'refused');
      if (isRefusedRow(row)) sender.refused();
      else sender.offer(row.length === 2 ? undefined : row[1], top);
    }
    offeredRows += count;
    isLastOut = offeredRows === rows.length;
    toReceiver.push({ is: 'offer', rows: page.map(({ row }) => row), more: !isLastOut });
    if (isLastOut) sender.complete();
  }

  function carryOut(): void {
    const { file, what } = jobs.shift()!;
    // The receiver has given it up meanwhile.
    if (sentEnds.has(file)) return;
    const { fate } = planOf(file);
    if (fate === 'cannot-be-read') {
      toReceiver.push({ is: 'fail', file });
      sender.ended(file);
      endAt(sentEnds, file, 'failed');
    } else if (what === 'large') toReceiver.push({ is: 'end', file });
    else {
      if (what === 'digest') toReceiver.push({ is: 'digest', file });
      else {
        if (sizeOf(file) > 0) toReceiver.push({ is: 'chunk', file });
        inWindow.add(file);
        underWay += sizeOf(file);
        mostUnderWay = Math.max(mostUnderWay, underWay);
      }
      sender.sent(file);
    }
  }

  function judge(): void {
    const row = unjudged.shift()!;
    const { file } = row;
    judged = receiver.judged();
    if (row.kind === 'refused') {
      leaveTop();
      endAt(receivedEnds, file, 'refused');
      return;
    }
    if (row.kind === 'folder') {
      if (!row.parent) {
        leaveTop();
        tops.set(file, { pending: new Set(), growing: true });
        lastTop = file;
      }
      return;
    }
    if (!row.parent) leaveTop();
    files.set(file, row);
    if (row.parent && lastTop !== undefined) tops.get(lastTop)?.pending.add(file);
    const { fate } = planOf(file);
    const small = row.kind === 'small';
    if (fate === 'refused') {
      wants.push({ want: 'refused', file, code: 'name-refused', message: '' });
      overHere(file, 'failed');
    } else if (fate === 'skipped') {
      wants.push({ want: 'nothing', file, reason: 'skipped', as: 'x' });
      overHere(file, 'skipped');
    } else if (!small) wants.push({ want: 'all', file });
    else if (row.size === 0) {
      if (fate === 'identical') sayIdentical(file);
      else landed.push(file);
    } else if (fate === 'identical' || fate === 'digest-then-bytes') {
      receiver.want(file, 'digest', row.size);
      wants.push({ want: 'digests', file });
    } else askFor(file);
  }

  function leaveTop(): void {
    const top = lastTop === undefined ? undefined : tops.get(lastTop);
    if (top) top.growing = false;
    lastTop = undefined;
  }

  function askFor(file: number): void {
    receiver.want(file, 'bytes', sizeOf(file));
    wanted.push(file);
  }

  function sayIdentical(file: number): void {
    const digest = `blake3:${'0'.repeat(64)}`;
    wants.push({ want: 'nothing', file, reason: 'identical', as: 'x', digest });
    overHere(file, 'identical');
  }

  function tell(): void {
    const message = { t: 'want', id, more: false, judged } as const;
    toSender.push({ ...message, files: wants });
    for (const all of rangesOf(wanted.sort((a, b) => a - b))) {
      toSender.push({ ...message, files: [], all });
    }
    wants = [];
    wanted = [];
    told = judged;
  }

  function take(frame: FromSender): void {
    if (frame.is === 'offer') {
      unjudged.push(...receiver.offer(frame.rows, frame.more));
      return;
    }
    const { file } = frame;
    if (frame.is === 'chunk') {
      const digest = Buffer.alloc(32);
      const header = { id, file, chunk: 0, length: sizeOf(file), digest };
      receiver.chunk(header);
      landed.push(file);
    } else if (frame.is === 'digest') {
      const digests = Buffer.alloc(32);
      receiver.digest({ id, file, first: 0, digests });
      if (planOf(file).fate === 'identical') sayIdentical(file);
      else askFor(file);
    } else if (frame.is === 'end') landed.push(file);
    else if (receiver.isOpen(file)) overHere(file, 'failed');
  }

  /** Some of what came is on the disk: the receiver says so, or that it is not. */
  function settle(): void {
    const group = landed.splice(0, 1 + (landed.length % 7));
    const stored: number[] = [];
    for (const file of group) {
      const { fate } = planOf(file);
      if (fate === 'cannot-be-written') {
        toSender.push({ t: 'fail', id, file, code: 'write-failed', message: '' });
        overHere(file, 'failed');
      } else if (files.get(file)?.kind === 'large') {
        const digest = `blake3:${'0'.repeat(64)}`;
        toSender.push({ t: 'receipt', id, file, as: 'x', size: 2 * chunkSize, digest });
        overHere(file, 'stored');
      } else stored.push(file);
    }
    for (const part of rangesOf(stored.sort((a, b) => a - b))) {
      toSender.push({ t: 'receipts', id, stored: part, named: [] });
    }
    for (const file of stored) overHere(file, 'stored');
  }

  function placeable(): number | undefined {
    for (const [file, { pending, growing }] of tops)
      if (!growing && pending.size === 0) return file;
    return undefined;
  }

  function place(file: number): void {
    // What was decided of its files is said before.
    tell();
    tops.delete(file);
    if (planOf(file).fate === 'cannot-be-written') {
      toSender.push({ t: 'fail', id, file, code: 'write-failed', message: '' });
      overHere(file, 'failed');
    } else {
      toSender.push({ t: 'placed', id, file, as: 'x' });
      overHere(file, 'placed');
    }
  }

  function allJudged(): boolean {
    return receiver.isWhole() && unjudged.length === 0;
  }

  return {
    steps() {
      const steps: (() => void)[] = [];
      const job = jobs[0];
      const fits = job && (job.what !== 'bytes' || sender.maySend(sizeOf(job.file)));
      const place_ = placeable();
      const unsaid = wants.length + wanted.length > 0 || told < judged;
      if (!isLastOut && sender.mayOffer() > 0) steps.push(offerPage);
      if (fits) steps.push(carryOut);
      if (toSender.length > 0) {
        steps.push(() => {
          for (const one of sender.receive(toSender.shift()!)) news(one);
        });
      }
      if (toReceiver.length > 0) {
        steps.push(() => {
          take(toReceiver.shift()!);
        });
      }
      if (unjudged.length > 0) steps.push(judge);
      else if (allJudged() && lastTop !== undefined) steps.push(leaveTop);
      if (unsaid) steps.push(tell);
      if (landed.length > 0) steps.push(settle);
      if (place_ !== undefined) {
        steps.push(() => {
          place(place_);
        });
      }
      if (allJudged() && receiver.isDone() && !saidFinished) {
        steps.push(() => {
          tell();
          toSender.push({ t: 'finished', id });
          saidFinished = true;
        });
      }
      return steps;
    },
    ended: () => heardFinished,
    check() {
      expect([sender.isDone(), receiver.isDone()]).toEqual([true, true]);
      const expected = rows.flatMap(({ row }, file) =>
        row.length > 2 || !row[0].includes('/') ? [file] : [],
      );
      const inOrder = (ends: Map<number, string>) => [...ends].sort(([a], [b]) => a - b);
      expect(inOrder(sentEnds).map(([file]) => file)).toEqual(expected);
      expect(inOrder(receivedEnds)).toEqual(inOrder(sentEnds));
      expect(underWay).toBe(0);
      expect(mostUnderWay).toBeLessThanOrEqual(smallWindow);
      expect(toReceiver).toEqual([]);
      expect(toSender).toEqual([]);
    },
  };
}

/** A quick source of numbers: the shrinking of one for each step would take longer than all the rest. */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 8) % below;
  };
}

function playToTheEnd(plans: readonly Plan[], seed: number): void {
  const game = play(plans);
  const next = chance(seed);
  while (!game.ended()) {
    const steps = game.steps();
    // Nobody may wait for the other who waits too.
    expect(steps).not.toHaveLength(0);
    steps[next(steps.length)]!();
  }
  game.check();
}

describe('a batch between two that keep the rules', () => {
  test('ends each file once on both sides and alike, whatever becomes of it and in any order', () => {
    fc.assert(fc.property(fc.array(plan, { maxLength: 60 }), fc.integer(), playToTheEnd), {
      numRuns: 150,
    });
  });

  test('keeps to the windows, though there are more files than go in at a time', () => {
    const long = fc
      .array(plan, { minLength: 10, maxLength: 40 })
      .map((some) => Array.from({ length: maxOpenRows + 700 }, (_, at) => some[at % some.length]!));
    fc.assert(fc.property(long, fc.integer(), playToTheEnd), { numRuns: 2 });
  });
});

/** Numbers about the rows there are, and far ones. */
const number = fc.oneof(fc.nat(12), fc.constantFrom(2000, 0xffff_ffff));
const digest = fc.constant(`blake3:${'0'.repeat(64)}`);
const ranges = fc.array(fc.tuple(number, number), { maxLength: 4 });
const want: fc.Arbitrary<Want> = fc.oneof(
  fc.record({ want: fc.constantFrom('all' as const, 'digests' as const), file: number }),
  fc.record({ want: fc.constant('ranges' as const), file: number, ranges }),
  fc.record(
    {
      want: fc.constant('nothing' as const),
      file: number,
      reason: fc.constantFrom('identical' as const, 'skipped' as const, 'staged' as const),
      as: fc.constantFrom('x', '../x'),
      digest,
    },
    { requiredKeys: ['want', 'file', 'reason', 'as'] },
  ),
  fc.record({
    want: fc.constant('refused' as const),
    file: number,
    code: fc.constantFrom('no-room', '__proto__'),
    message: fc.string(),
  }),
);
const said = {
  id: fc.constant(1),
  code: fc.constantFrom('changed', 'made-up', '__proto__'),
  message: fc.string(),
};
const fromReceiver: fc.Arbitrary<FromReceiver> = fc.oneof(
  fc.record(
    {
      t: fc.constant('want' as const),
      id: fc.constant(1),
      files: fc.array(want, { maxLength: 3 }),
      all: ranges,
      judged: number,
      more: fc.boolean(),
    },
    { requiredKeys: ['t', 'id', 'files', 'more'] },
  ) as fc.Arbitrary<MessageOf<'want'>>,
  fc.record({ t: fc.constant('got' as const), id: fc.constant(1), file: number, chunk: number }),
  fc.record({
    t: fc.constant('receipt' as const),
    id: fc.constant(1),
    file: number,
    as: fc.constant('x'),
    size: fc.nat(),
    digest,
  }),
  fc.record({
    t: fc.constant('receipts' as const),
    id: fc.constant(1),
    stored: ranges,
    named: fc.array(fc.tuple(number, fc.constantFrom('x', '..')), { maxLength: 3 }),
  }),
  fc.record({ t: fc.constant('placed' as const), id: fc.constant(1), file: number, as: digest }),
  fc.record({ t: fc.constant('fail' as const), file: number, ...said }),
  fc.record({ t: fc.constant('stop' as const), ...said }),
  fc.constant<FromReceiver>({ t: 'finished', id: 1 }),
);

/** True when the work did not end in a breach; anything else but a breach is a fault of ours. */
function isLegal(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof SharingError && error.code === 'protocol') return false;
    throw error;
  }
}

describe('a batch with one that keeps no rules', () => {
  test('whatever a receiver says is taken, or a breach, and no file ends twice', () => {
    let legal = 0;
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(undefined, 0, 3, 5, chunkSize, 3 * chunkSize), { maxLength: 10 }),
        fc.array(fc.oneof(fromReceiver, number), { maxLength: 30 }),
        (sizes, script) => {
          const rules = batchSendRules();
          sizes.forEach((size, at) => rules.offer(size, at % 2 === 0));
          const over = new Set<number>();
          for (const step of script) {
            const fine = isLegal(() => {
              if (typeof step === 'number') {
                rules.sent(step);
                return;
              }
              for (const one of rules.receive(step)) {
                if (one.is === 'over' || one.is === 'placed') {
                  expect(over).not.toContain(one.file);
                  over.add(one.file);
                }
                if (one.is === 'wanted') expect(one.file).toBeLessThan(sizes.length);
              }
            });
            if (fine && typeof step !== 'number') legal += 1;
            expect(rules.mayOffer()).toBeLessThanOrEqual(maxOpenRows);
          }
        },
      ),
      { numRuns: 500 },
    );
    expect(legal).toBeGreaterThan(100);
  });

  test('whatever a sender says is taken, or a breach, and no row gets a number twice', () => {
    const name = fc.constantFrom('a', 'b', '..', '.x', '', 'a\0', 'x'.repeat(300));
    const path = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'a/b', 'a/c', '..', 'a/..') },
      fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/')),
    );
    const row: fc.Arbitrary<OfferRow> = fc.oneof(
      fc.tuple(path, fc.nat()),
      fc.tuple(path, fc.constant('not-found'), fc.constant('')),
      fc.tuple(path, fc.constantFrom(0, 3, 3, 3, chunkSize, chunkSize + 1), fc.nat()),
      fc.tuple(path, fc.nat(3 * chunkSize), fc.nat(), fc.constant('a'.repeat(32))),
    );
    const step = fc.oneof(
      fc.record({
        t: fc.constant('offer' as const),
        rows: fc.array(row, { minLength: 1, maxLength: 2 }),
        more: fc.constantFrom(true, true, true, false),
      }),
      fc.record({
        t: fc.constant('chunk' as const),
        file: number,
        chunk: fc.nat(1),
        length: number,
      }),
      fc.record({ t: fc.constant('digests' as const), file: number, count: fc.nat(2) }),
      fc.record({ t: fc.constant('word' as const), file: number }),
    );
    let taken = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (script) => {
        const rules = batchReceiveRules();
        let next = 0;
        for (const one of script) {
          isLegal(() => {
            if (one.t === 'offer') {
              for (const row of rules.offer(one.rows, one.more)) {
                const { file, kind, path: told } = row;
                const judgedName = 'name' in row ? row.name : undefined;
                expect(file).toBeGreaterThanOrEqual(next);
                next = file + 1;
                taken += 1;
                if (typeof judgedName === 'string') expect(told.split('/').at(-1)).toBe(judgedName);
                if (kind === 'small') rules.want(file, file % 2 === 0 ? 'bytes' : 'digest', 3);
              }
            } else if (one.t === 'chunk') {
              const { file, chunk, length } = one;
              rules.chunk({ id: 1, file, chunk, length, digest: Buffer.alloc(32) });
            } else if (one.t === 'digests') {
              const { file } = one;
              rules.digest({ id: 1, file, first: 0, digests: Buffer.alloc(32 * one.count) });
            } else rules.isOpen(one.file);
          });
        }
      }),
      { numRuns: 500 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test('ranges that hold more than there is are refused before they are counted out', () => {
    const rules = batchSendRules();
    expect(countOf([[0, 0xffff_ffff]])).toBe(0xffff_ffff);
    const message: FromReceiver = {
      t: 'want',
      id: 1,
      files: [],
      all: [[0, 0xffff_ffff]],
      more: false,
    };
    expect(isLegal(() => rules.receive(message))).toBe(false);
    expect(
      isLegal(() => rules.receive({ t: 'receipts', id: 1, stored: [[0, 0xffff_ffff]], named: [] })),
    ).toBe(false);
  });
});
