import type { Readable } from 'node:stream';

/** All that was written to a stream by now; from Node 26 on one read gives no more than one write. */
export function readAll(stream: Readable): string {
  const parts: unknown[] = [];
  for (let part: unknown = stream.read(); part !== null; part = stream.read()) parts.push(part);
  return parts.map(String).join('');
}
