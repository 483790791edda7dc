import { duplexPair, type Duplex } from 'node:stream';

/**
 * Two ends of one connection in this process. What is written is copied, as a system does it: whoever writes may use
 * the bytes again once they are written, though the other end has not read them.
 */
export function socketPair(): readonly [Duplex, Duplex] {
  const [near, far] = duplexPair();
  for (const end of [near, far]) {
    const write = end._write.bind(end);
    end._write = (bytes: Buffer, encoding, done) => {
      write(Buffer.from(bytes), encoding, done);
    };
  }
  return [near, far];
}
