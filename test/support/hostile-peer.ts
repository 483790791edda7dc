import type { Device } from '#sharing/identity/device.js';
import { channelOptions } from '#sharing/transport/channel.js';
import { frameDecoder, type Frame } from '#sharing/wire/frame.js';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, createServer, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { framesOf } from './frames.js';

/** A control message, or the header of another frame under its kind, as it came: not judged. */
export type Said = Readonly<Record<string, unknown>> & { readonly t: string };

/** One end of a channel that says what it is told to, legal or not. It answers pings until it is mute. */
export interface HostilePeer extends AsyncDisposable {
  readonly socket: TLSSocket;
  /** Everything in one write, so that it arrives together. */
  raw(...parts: readonly Uint8Array[]): void;
  say(...messages: readonly object[]): void;
  /** The next thing of these kinds; what comes before it is skipped. Fails when the channel ends. */
  hear(...kinds: readonly string[]): Promise<Said>;
  /** Waits for the end and gives everything that was heard. */
  farewell(): Promise<readonly Said[]>;
  /** True when a ping is still answered; false once the channel has ended. */
  lives(): Promise<boolean>;
  /** Bytes of data frames so far. */
  readonly dataBytes: () => number;
  /** Answers no more pings. */
  mute(): void;
}

/** Milliseconds until something that must come counts as missing. */
export const patience = 15_000;

/** A frame of any kind and length; `announced` may lie about it. */
export function frame(kind: number, body: Uint8Array, announced: number = body.length): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt8(kind, 0);
  header.writeUIntBE(announced, 1, 3);
  return Buffer.concat([header, body]);
}

/** A message frame around any text or bytes. */
export function messageFrame(body: string | Uint8Array): Buffer {
  return frame(1, Buffer.from(body));
}

export function saying(message: object): Buffer {
  return messageFrame(JSON.stringify(message));
}

export interface ChunkFields {
  readonly id?: number;
  readonly file?: number;
  readonly chunk?: number;
  readonly length: number;
  readonly digest?: Uint8Array;
}

export function chunkFrame({ id = 1, file = 0, chunk = 0, length, digest }: ChunkFields): Buffer {
  return frame(2, Buffer.concat([words(id, file, chunk, length), digest ?? Buffer.alloc(32)]));
}

export function digestsFrame(id: number, file: number, first: number, digests: Uint8Array): Buffer {
  return frame(4, Buffer.concat([words(id, file, first), digests]));
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, at) => bytes.writeUInt32BE(value, 4 * at));
  return bytes;
}

/** The first message of a client that means well. */
export const hello = {
  t: 'hello',
  v: 1,
  features: [],
  digests: ['blake3', 'sha256'],
  purpose: 'control',
  name: 'hostile',
} as const;

/** The first message of an open server that means well. */
export const welcome = {
  t: 'welcome',
  v: 1,
  features: [],
  digest: 'blake3',
  as: 'open',
  rights: ['read', 'write'],
  name: 'hostile',
} as const;

/** Connects to a server; `tls` may spoil the channel. */
export async function dialHostile(
  port: number,
  device: Device,
  tls: ConnectionOptions = {},
): Promise<HostilePeer> {
  const socket = connect({ ...channelOptions(device), host: '127.0.0.1', port, ...tls });
  const peer = hostilePeer(socket);
  await once(socket, 'secureConnect', { signal: AbortSignal.timeout(patience) });
  return peer;
}

/** Connects and says hello. */
export async function enter(port: number, device: Device): Promise<HostilePeer> {
  const peer = await dialHostile(port, device);
  peer.say(hello);
  await peer.hear('welcome');
  return peer;
}

export interface HostileServer extends AsyncDisposable {
  readonly port: number;
}

/** A server that plays `script` to everyone who connects; what it expects in vain is thrown when it is disposed. */
export async function startHostileServer(
  device: Device,
  script: (client: HostilePeer) => Promise<unknown>,
  port = 0,
): Promise<HostileServer> {
  const clients: HostilePeer[] = [];
  const playing = new Set<Promise<unknown>>();
  const wrong: Error[] = [];
  const server = createServer(
    { ...channelOptions(device), requestCert: true, rejectUnauthorized: false },
    (socket) => {
      const peer = hostilePeer(socket);
      clients.push(peer);
      playing.add(
        script(peer).catch((error: unknown) => {
          if (error instanceof Error && error.name === 'AssertionError') wrong.push(error);
        }),
      );
    },
  );
  server.on('tlsClientError', () => undefined);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      await Promise.all(playing);
      server.close();
      await once(server, 'close');
      if (wrong[0]) throw wrong[0];
    },
  };
}

function hostilePeer(socket: TLSSocket): HostilePeer {
  const decoder = frameDecoder();
  const heard: Said[] = [];
  let read = 0;
  let dataBytes = 0;
  let pings = 1_000_000;
  let muted = false;
  let wake: () => void = () => undefined;

  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
      wake();
    });
  });
  socket.on('data', (bytes: Buffer) => {
    for (const one of framesOf(decoder, bytes)) note(one);
    wake();
  });

  function note(one: Frame): void {
    if (one.t === 'data') dataBytes += one.bytes.length;
    const said = saidOf(one);
    if (said.t === 'ping' && !muted) write(saying({ t: 'pong', n: said['n'] }));
    heard.push(said);
  }

  function write(...parts: readonly Uint8Array[]): void {
    if (socket.writable) socket.write(Buffer.concat(parts));
  }

  async function hear(...kinds: readonly string[]): Promise<Said> {
    const deadline = Date.now() + patience;
    for (;;) {
      for (; read < heard.length; read += 1) {
        const said = heard[read];
        if (!said || !kinds.includes(said.t)) continue;
        read += 1;
        return said;
      }
      if (socket.closed || Date.now() > deadline)
        throw new Error(`no ${kinds.join(' or ')}, ${story(heard)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 200);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async function farewell(): Promise<readonly Said[]> {
    const late = AbortSignal.timeout(patience);
    await Promise.race([closed, once(late, 'abort')]);
    if (!socket.closed) throw new Error(`still open, ${story(heard)}`);
    return heard;
  }

  async function lives(): Promise<boolean> {
    pings += 1;
    const n = pings;
    write(saying({ t: 'ping', n }));
    const deadline = Date.now() + patience;
    while (!socket.closed && Date.now() < deadline) {
      if (heard.some((said) => said.t === 'pong' && said['n'] === n)) return true;
      await delay(2);
    }
    return false;
  }

  return {
    socket,
    raw: write,
    say: (...messages) => {
      write(...messages.map(saying));
    },
    hear,
    farewell,
    lives,
    dataBytes: () => dataBytes,
    mute: () => {
      muted = true;
    },
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await closed;
    },
  };
}

function saidOf(one: Frame): Said {
  if (one.t === 'message') return JSON.parse(one.body.toString('utf8')) as Said;
  if (one.t === 'data') return { t: 'data', length: one.bytes.length };
  return { ...one };
}

function story(heard: readonly Said[]): string {
  const words = heard
    .filter(({ t }) => !/data|chunk|ping/.test(t))
    .map((said) => JSON.stringify(said));
  return `heard ${words.slice(-6).join(' ').slice(0, 600)}`;
}
