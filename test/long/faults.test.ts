import { describe, expect, test, vi } from 'vitest';
import {
  cutLink,
  cutPower,
  failCall,
  fillDisk,
  killClient,
  killServer,
  limit,
  resetLink,
} from '../support/faults/faults.js';
import { tryFaults, type Trial } from '../support/faults/rounds.js';
import { mayBreak, mayMountImages } from '../support/privileges.js';
import { testSeed } from '../support/seed.js';

vi.setConfig({ testTimeout: 1_800_000 });

const plain = { serverDisk: { kind: 'plain' }, clientDisk: { kind: 'plain' } } as const;
const memory = { kind: 'memory', size: 384 } as const;
const image = { kind: 'image', size: 384 } as const;

/** Continuous integration runs a part; all of it takes half an hour. */
const part = process.env['CI'] ? 0.1 : 1;

describe.skipIf(!mayBreak())('no receipt is lost', () => {
  const trials: readonly (readonly [string, Omit<Trial, 'seed'>])[] = [
    ['by kills of clients', { ...plain, fault: killClient, wanted: 60 }],
    ['by kills of the server', { ...plain, fault: killServer, wanted: 60 }],
    ['by cut links', { ...plain, fault: [cutLink, cutLink, resetLink], wanted: 100 }],
    ['by calls that fail', { ...plain, fault: failCall, wanted: 60 }],
    ['by limits', { ...plain, fault: limit, wanted: 30 }],
    ['by full disks', { serverDisk: memory, clientDisk: memory, fault: fillDisk, wanted: 30 }],
    ['by power cuts', { serverDisk: image, clientDisk: image, fault: cutPower, wanted: 30 }],
  ];
  test.for(trials)('%s', async ([, trial], { annotate, skip }) => {
    if (trial.fault === cutPower) skip(!mayMountImages());
    const wanted = Math.ceil(part * trial.wanted);
    const { rounds, struck, receipts } = await tryFaults({
      ...trial,
      wanted,
      seed: testSeed,
    });
    await annotate(`${struck} of ${rounds} struck, ${receipts} looks at receipts`);
    expect(struck).toBeGreaterThanOrEqual(wanted);
    expect(receipts).toBeGreaterThan(0);
  });
});
