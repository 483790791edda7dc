import { SharingError } from '#sharing/errors.js';
import {
  confirmation,
  lengthPrefixed,
  sharedKey,
  startCpace,
  type CpaceInput,
  type Party,
} from '#sharing/session/cpace.js';
import { timingSafeEqual } from 'node:crypto';

/** What one run of pairing is bound to (PROTOCOL.md, "Pairing"). */
export interface PairingChannel {
  /** 32 bytes that only the two ends of this TLS channel have. */
  readonly exporter: Buffer;
  readonly clientId: string;
  readonly serverId: string;
}

/** The client's steps: its share, then its proof from the server's share, then the server's proof judged. */
export interface ClientPairing {
  readonly share: Buffer;
  /** Throws SharingError `protocol` for a share that cannot be one. */
  prove(serverShare: Buffer): Buffer;
  /** Throws SharingError `wrong-code` when the server does not know the code. */
  accept(serverProof: Buffer): void;
}

export function pairAsClient(code: string, channel: PairingChannel): ClientPairing {
  const input = inputOf(code, channel);
  const start = startCpace(input);
  const client: Party = { share: start.share, data: Buffer.from(channel.clientId) };
  let expected: Buffer | undefined;
  return {
    share: start.share,
    prove(serverShare) {
      const server: Party = { share: serverShare, data: Buffer.from(channel.serverId) };
      const key = keyOf(input, start.scalar, client, server, serverShare);
      expected = confirmation(key, channel.exporter, server);
      const proof = confirmation(key, channel.exporter, client);
      key.fill(0);
      return proof;
    },
    accept(serverProof) {
      if (!expected || !equal(expected, serverProof)) throw wrongCode();
    },
  };
}

/** The server's steps: its share, then the client's proof judged; only a right one gets the server's. */
export interface ServerPairing {
  readonly share: Buffer;
  /** Throws SharingError `wrong-code`. */
  judge(clientProof: Buffer): Buffer;
}

/** Throws SharingError `protocol` for a share that cannot be one. */
export function pairAsServer(
  code: string,
  channel: PairingChannel,
  clientShare: Buffer,
): ServerPairing {
  const input = inputOf(code, channel);
  const start = startCpace(input);
  const client: Party = { share: clientShare, data: Buffer.from(channel.clientId) };
  const server: Party = { share: start.share, data: Buffer.from(channel.serverId) };
  const key = keyOf(input, start.scalar, client, server, clientShare);
  const expected = confirmation(key, channel.exporter, client);
  const proof = confirmation(key, channel.exporter, server);
  key.fill(0);
  return {
    share: start.share,
    judge(clientProof) {
      if (!equal(expected, clientProof)) throw wrongCode();
      return proof;
    },
  };
}

function keyOf(
  input: CpaceInput,
  scalar: bigint,
  client: Party,
  server: Party,
  theirs: Buffer,
): Buffer {
  // Our own share sent back would make a run with ourselves.
  if (client.share.equals(server.share)) throw new SharingError('protocol', 'a share sent back');
  return sharedKey(input, scalar, theirs, { initiator: client, responder: server });
}

/** Roles and ids go into the generator, so that no run can be carried to other ends. */
function inputOf(code: string, { exporter, clientId, serverId }: PairingChannel): CpaceInput {
  const parts = ['lanpost/1 pairing', 'client', clientId, 'server', serverId];
  return {
    password: Buffer.from(code),
    identity: lengthPrefixed(...parts.map((part) => Buffer.from(part))),
    session: exporter,
  };
}

function equal(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function wrongCode(): SharingError {
  return new SharingError('wrong-code', 'the code is not right');
}
