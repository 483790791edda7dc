import { serviceSuffix } from './service.js';

export const probeText = 'SERVICE DISCOVERY';

/** What a later version may append to a probe, after one space. */
const maxProbeExtensionBytes = 400;

const probe = Buffer.from(probeText, 'ascii');
const suffix = Buffer.from(serviceSuffix, 'ascii');
const lineEnds = ['', '\r', '\n', '\r\n'];

/** The 17 bytes of a probe. Source: PROTOCOL.md, Probe. */
export function encodeProbe(): Uint8Array {
  return Uint8Array.from(probe);
}

/**
 * Whether these bytes ask for an answer: the probe itself, the probe and one line end, or the
 * probe, a space and at most 400 further bytes of any kind. Source: PROTOCOL.md, Probe.
 */
export function isProbe(bytes: Uint8Array): boolean {
  if (bytes.length > probe.length + 1 + maxProbeExtensionBytes) return false;
  const datagram = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!datagram.subarray(0, probe.length).equals(probe)) return false;
  const rest = datagram.subarray(probe.length);
  if (lineEnds.includes(rest.toString('latin1'))) return true;
  // A foreign server may have a name that begins like a probe; answering its replies would be a loop.
  return rest[0] === 0x20 && !rest.includes(suffix);
}
