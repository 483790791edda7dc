import { SERVICE_SUFFIX } from './service.js';

export const PROBE_TEXT = 'SERVICE DISCOVERY';

/** What a later version may append to a probe, after one space. */
export const MAX_PROBE_EXTENSION_BYTES = 400;

const PROBE = Buffer.from(PROBE_TEXT, 'ascii');
const SUFFIX = Buffer.from(SERVICE_SUFFIX, 'ascii');
const LINE_ENDS = ['', '\r', '\n', '\r\n'];

/** The 17 bytes of a probe. Source: PROTOCOL.md, Probe. */
export function encodeProbe(): Uint8Array {
  return Uint8Array.from(PROBE);
}

/**
 * Whether these bytes ask for an answer: the probe itself, the probe and one line end, or the
 * probe, a space and at most 400 further bytes of any kind. Source: PROTOCOL.md, Probe.
 */
export function isProbe(bytes: Uint8Array): boolean {
  if (bytes.length > PROBE.length + 1 + MAX_PROBE_EXTENSION_BYTES) return false;
  const datagram = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!datagram.subarray(0, PROBE.length).equals(PROBE)) return false;
  const rest = datagram.subarray(PROBE.length);
  if (LINE_ENDS.includes(rest.toString('latin1'))) return true;
  // A foreign server may have a name that begins like a probe; answering its replies would be a loop.
  return rest[0] === 0x20 && !rest.includes(SUFFIX);
}
