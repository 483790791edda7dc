import { openLane, openRoad } from '#sharing/dialogue/lanes.js';
import { transferTable } from '#sharing/dialogue/transfers.js';
import { SharingError } from '#sharing/errors.js';
import { clientRules } from '#sharing/session/client.js';
import { speak, type Connection } from '#sharing/transport/connection.js';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { socketPair } from '../../../support/socket-pair.js';

const silence = { heartbeat: 15_000, idle: 35_000 };
const hello = clientRules(true).laneHello('client', 'a'.repeat(32));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
});

function connected(): readonly [Connection, Connection] {
  const [near, far] = socketPair();
  const ends = [speak(near, silence), speak(far, silence)] as const;
  onTestFinished(async () => {
    for (const end of ends) await end[Symbol.asyncDispose]();
  });
  return ends;
}

/** A lane whose server has not said yet that it is ready. */
async function open() {
  const [control] = connected();
  const [lane, server] = connected();
  const transfers = transferTable();
  const { road } = openRoad(transfers, control, 1);
  const heard: string[] = [];
  server.receive(({ t }) => {
    heard.push(t);
    return undefined;
  });
  let over: AbortSignal | undefined;
  const dial = (signal: AbortSignal): Promise<Connection> => {
    over = signal;
    return Promise.resolve(lane);
  };
  await openLane({ dial, transfers, id: 1, hello, helloTime: 5000 });
  await expect.poll(() => heard).toEqual(['hello']);
  return { control, lane, server, road, over };
}

describe('a lane that is not ready yet', () => {
  test('is given up when its server says nothing in time', async () => {
    const { lane } = await open();
    await vi.advanceTimersByTimeAsync(4900);
    expect(lane.signal.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect(lane.signal.aborted).toBe(true);
  });

  test('ends with the session', async () => {
    const { control, lane, over } = await open();
    control.close(new SharingError('connection-lost', 'cut'));
    expect(lane.signal.aborted).toBe(true);
    expect(over?.aborted).toBe(true);
  });

  test('ends with its transfer', async () => {
    const { lane, road, over } = await open();
    road.end();
    expect(lane.signal.aborted).toBe(true);
    expect(over?.aborted).toBe(true);
  });
});

test('a lane that is ready has all the time of its transfer', async () => {
  const { lane, server, road } = await open();
  server.send({ t: 'ready' });
  await expect.poll(() => road.lanes()).toBe(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(lane.signal.aborted).toBe(false);
});
