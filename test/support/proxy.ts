import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A way to a server on which single connections can be cut. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  readonly pairs: readonly [Socket, Socket][];
  /** Lets through what rests, and all that follows. */
  go(): void;
}

/** Each connection rests once it has carried `restsAfter` bytes from the server, until `go`. */
export async function openProxy(port: number, restsAfter = Infinity): Promise<Proxy> {
  const pairs: [Socket, Socket][] = [];
  let resting = true;
  const proxy = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    far.on('data', () => {
      if (resting && far.bytesRead >= restsAfter) far.unpipe(near);
    });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to);
      from.on('error', () => undefined);
      // One side hears of it a moment later than the other.
      from.on('close', () => setTimeout(() => to.destroy(), 200));
    }
    pairs.push([near, far]);
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return {
    port: (proxy.address() as AddressInfo).port,
    pairs,
    go() {
      if (!resting) return;
      resting = false;
      for (const [near, far] of pairs) far.unpipe(near).pipe(near);
    },
    async [Symbol.asyncDispose]() {
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}
