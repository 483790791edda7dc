import { readKnownPeers, type Device } from '#sharing/device.js';
import { parseCode } from '#sharing/session/code.js';
import { pairAsClient, type ClientPairing } from '#sharing/session/pairing.js';
import { deviceId } from '#sharing/id.js';
import { exporterOf } from '#sharing/transport/channel.js';
import { openSession } from '#sharing/client.js';
import {
  dialHostile,
  hello,
  startHostileServer,
  type HostilePeer,
  type Said,
} from '../support/hostile-peer.js';
import { inputs } from '../support/hostile-states.js';
import {
  clientLimits,
  eventually,
  expectUnharmed,
  holdings,
  openParties,
  serveShare,
  type Holdings,
  type Parties,
  type ServedShare,
} from '../support/served-share.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

let parties: Parties;
let served: ServedShare;
let before: Holdings;
let code: string;

beforeAll(async () => {
  parties = await openParties();
});

afterAll(() => parties[Symbol.asyncDispose]());

beforeEach(async () => {
  served = await serveShare(parties, { pairingTime: 3000 });
  code = parseCode(served.newCode(1).code) ?? '';
  before = holdings(served);
});

afterEach(async () => {
  await expectUnharmed(served, before);
  await served[Symbol.asyncDispose]();
});

async function isKnown(device: Device): Promise<boolean> {
  return (await readKnownPeers(parties.owner.stateFolder)).byId(device.id) !== undefined;
}

interface Attempt {
  readonly device: Device;
  readonly peer: HostilePeer;
  /** An honest client's steps on this channel. */
  readonly pairing: ClientPairing;
}

/** A stranger that was asked for the code. */
async function asked(device?: Device, typed = code): Promise<Attempt> {
  const who = device ?? (await parties.newcomer());
  const peer = await dialHostile(served.port, who);
  peer.say(hello);
  await peer.hear('pair');
  const publicKey = peer.socket.getPeerX509Certificate()!.publicKey;
  const channel = {
    exporter: exporterOf(peer.socket),
    clientId: who.id,
    serverId: deviceId(publicKey),
  };
  return { device: who, peer, pairing: pairAsClient(typed, channel) };
}

async function shared(attempt: Attempt): Promise<Buffer> {
  attempt.peer.say({ t: 'share', share: attempt.pairing.share.toString('hex') });
  return Buffer.from((await attempt.peer.hear('share'))['share'] as string, 'hex');
}

async function expectDenied({ peer, device }: Attempt, denial: string): Promise<void> {
  expect(await peer.hear('denied')).toMatchObject({ code: denial });
  await peer.farewell();
  expect(await isKnown(device)).toBe(false);
}

describe('a client that attacks', () => {
  test('an honest run lets in, so that the others fail for their own reason', async () => {
    const attempt = await asked();
    const proof = attempt.pairing.prove(await shared(attempt));
    attempt.peer.say({ t: 'proof', proof: proof.toString('hex') });
    const answer = await attempt.peer.hear('proof');
    attempt.pairing.accept(Buffer.from(answer['proof'] as string, 'hex'));
    expect(await attempt.peer.hear('welcome')).toMatchObject({ as: 'peer' });
    expect(await isKnown(attempt.device)).toBe(true);
    await attempt.peer[Symbol.asyncDispose]();
  });

  test('a proof that was right on another channel is wrong here', async () => {
    const device = await parties.newcomer();
    const first = await asked(device);
    const stolen = first.pairing.prove(await shared(first));
    await first.peer[Symbol.asyncDispose]();
    await eventually('the place is free', () =>
      served.events.some(({ event }) => event === 'client-gone'),
    );
    const second = await asked(device);
    second.peer.say({ t: 'share', share: first.pairing.share.toString('hex') });
    await second.peer.hear('share');
    second.peer.say({ t: 'proof', proof: stolen.toString('hex') });
    await expectDenied(second, 'wrong-code');
  });

  test.each([
    ['the neutral element', '0'.repeat(64)],
    ['no canonical element', 'f'.repeat(64)],
    ['a negative field element', `01${'0'.repeat(62)}`],
  ])('a share that is %s ends it', async (_, share) => {
    const attempt = await asked();
    attempt.peer.say({ t: 'share', share });
    await expectDenied(attempt, 'protocol');
  });

  test("the server's share as a proof, and a wrong code, are wrong", async () => {
    const attempt = await asked(undefined, '00000000');
    const theirs = await shared(attempt);
    attempt.peer.say({ t: 'proof', proof: theirs.toString('hex').repeat(2) });
    await expectDenied(attempt, 'wrong-code');
    const other = await asked(undefined, '00000000');
    const proof = other.pairing.prove(await shared(other));
    other.peer.say({ t: 'proof', proof: proof.toString('hex') });
    await expectDenied(other, 'wrong-code');
  });

  test('after five wrong codes the address is shut out, and a sixth is not judged', async () => {
    for (let n = 0; n < 5; n += 1) {
      const attempt = await asked(undefined, '00000000');
      const proof = attempt.pairing.prove(await shared(attempt));
      attempt.peer.say({ t: 'proof', proof: proof.toString('hex') });
      await expectDenied(attempt, 'wrong-code');
    }
    const right = await asked();
    right.peer.say({ t: 'share', share: right.pairing.share.toString('hex') });
    await expectDenied(right, 'locked-out');
  }, 20_000);

  test('who is asked and says nothing, or only pings, is sent away in its time', async () => {
    await expectDenied(await asked(), 'peer-silent');
  });

  const steps: readonly (readonly [string, readonly string[], () => Promise<Attempt>])[] = [
    ['asked for the code', ['share', 'ping', 'pong', 'bye'], () => asked()],
    [
      'told the share',
      ['proof', 'ping', 'pong', 'bye'],
      async () => {
        const attempt = await asked();
        await shared(attempt);
        return attempt;
      },
    ],
  ];
  test.each(steps)('while %s, everything else ends it: all but %s', async (_, legal, reach) => {
    for (const [kind, bytes] of Object.entries(inputs)) {
      if (legal.includes(kind)) continue;
      const attempt = await reach();
      attempt.peer.raw(bytes);
      const heard = await attempt.peer.farewell();
      expect(heard.at(-1), `after ${kind}`).toMatchObject({ t: 'denied', code: 'protocol' });
      expect(await isKnown(attempt.device)).toBe(false);
    }
  });
});

describe('a server that attacks', () => {
  /** An honest client that knows the true server's code comes to an attacker instead. */
  async function lured(script: (client: HostilePeer) => Promise<unknown>): Promise<string> {
    const attacker = await parties.newcomer();
    const victim = await parties.newcomer();
    await using server = await startHostileServer(attacker, script);
    const attempt = openSession({
      device: victim,
      name: 'victim',
      hosts: ['127.0.0.1'],
      port: server.port,
      code,
      limits: { ...clientLimits, helloTime: 2500 },
      now: Date.now,
    });
    const outcome = await attempt.then(
      () => 'went well',
      (error: unknown) => (error as { code: string }).code,
    );
    expect((await readKnownPeers(victim.stateFolder)).peers).toEqual([]);
    expect(await isKnown(victim)).toBe(false);
    expect(await isKnown(attacker)).toBe(false);
    return outcome;
  }

  test('a man in the middle, with the right code typed: both ends refuse, nothing is stored', async () => {
    const said: Said[] = [];
    const outcome = await lured(async (client) => {
      const device = await parties.newcomer();
      const relay = await dialHostile(served.port, device);
      const carry = async (from: HostilePeer, to: HostilePeer, kind: string): Promise<void> => {
        const message = await from.hear(kind);
        said.push(message);
        to.say(message);
      };
      await carry(client, relay, 'hello');
      await carry(relay, client, 'pair');
      await carry(client, relay, 'share');
      await carry(relay, client, 'share');
      await carry(client, relay, 'proof');
      client.say(await relay.hear('denied'));
      await relay.farewell();
      expect(await isKnown(device)).toBe(false);
    });
    expect(outcome).toBe('wrong-code');
    expect(JSON.stringify(said)).not.toContain(code);
  });

  const answers: readonly (readonly [string, string, (share: string) => readonly object[]])[] = [
    ['its own share sent back', 'protocol', (share) => [{ t: 'share', share }]],
    ['the neutral element', 'protocol', () => [{ t: 'share', share: '0'.repeat(64) }]],
    ['a proof without a share', 'protocol', () => [{ t: 'proof', proof: '0'.repeat(128) }]],
    ['a welcome without a proof', 'protocol', () => [{ ...welcomePeer }]],
    ['silence', 'not-lanpost', () => []],
  ];
  test.each(answers)('%s is not believed', async (_, refusal, answer) => {
    const outcome = await lured(async (client) => {
      await client.hear('hello');
      client.say({ t: 'pair', name: 'amber' });
      const { share } = await client.hear('share');
      client.say(...answer(share as string));
      await client.farewell();
    });
    expect(outcome).toBe(refusal);
  });

  test("the client's own proof sent back is not believed", async () => {
    const good = pairAsClient('00000000', {
      exporter: Buffer.alloc(32),
      clientId: 'x',
      serverId: 'y',
    });
    const outcome = await lured(async (client) => {
      await client.hear('hello');
      client.say({ t: 'pair', name: 'amber' });
      await client.hear('share');
      client.say({ t: 'share', share: good.share.toString('hex') });
      const { proof } = await client.hear('proof');
      client.say({ t: 'proof', proof }, welcomePeer);
      await client.farewell();
    });
    expect(outcome).toBe('wrong-code');
  });
});

const welcomePeer = {
  t: 'welcome',
  v: 1,
  features: [],
  digest: 'blake3',
  as: 'peer',
  rights: ['read', 'write'],
  name: 'amber',
} as const;
