import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the ports that systems give away by themselves; each is given once, so that no two machines share one.
const ports = { first: 10_000, count: 19_000, next: Math.floor(Math.random() * 19_000) };

/** A port that nothing uses now. */
export async function freePort(kind: 'tcp' | 'udp'): Promise<number> {
  for (;;) {
    ports.next = (ports.next + 1) % ports.count;
    const port = ports.first + ports.next;
    // A round one would be taken for a number of milliseconds where ports are looked for in a text.
    if (port % 500 > 0 && (await isFree(kind, port))) return port;
  }
}

export async function isFree(kind: 'tcp' | 'udp', port: number): Promise<boolean> {
  const held = await hold(kind, port).catch(() => undefined);
  await held?.[Symbol.asyncDispose]();
  return held !== undefined;
}

/**
 * Another program: has `port` for itself; 0 is any free one. On TCP it greets as mail servers do, or
 * says nothing at all.
 */
export async function hold(
  kind: 'tcp' | 'silent' | 'udp',
  port: number,
): Promise<AsyncDisposable & { readonly port: number }> {
  if (kind === 'udp') {
    const socket = createSocket('udp4');
    const bound = once(socket, 'listening');
    socket.bind(port);
    await bound;
    return {
      port: socket.address().port,
      [Symbol.asyncDispose]: () =>
        new Promise((resolve) =>
          socket.close(() => {
            resolve();
          }),
        ),
    };
  }
  const server = createServer((client) => {
    client.on('error', () => undefined).resume();
    if (kind === 'tcp') client.end('220 mail.example ESMTP\r\n');
  });
  const listening = once(server, 'listening');
  server.listen(port);
  await listening;
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) =>
        server.close(() => {
          resolve();
        }),
      ),
  };
}
