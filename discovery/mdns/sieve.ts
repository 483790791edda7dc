import { maxMessageBytes, serviceLabels } from './service.js';

/** More records in one message are not for a network of people. */
export const maxRecords = 256;

const headerBytes = 12;
const responseBit = 0x80_00;
/** Opcode and response code: a message where one is not 0 must be ignored (RFC 6762, section 18). */
const oddBits = 0x78_0f;
const ourLabel = serviceLabels[0];

/** Whether it is an answer whose records may be read, judged by length and header. Never throws. */
export function isAnswer(bytes: Uint8Array): boolean {
  if (bytes.length < headerBytes || bytes.length > maxMessageBytes) return false;
  const header = new DataView(bytes.buffer, bytes.byteOffset, headerBytes);
  const flags = header.getUint16(2);
  if ((flags & responseBit) === 0 || (flags & oddBits) !== 0) return false;
  const counts = [4, 6, 8, 10].map((at) => header.getUint16(at));
  return counts.reduce((sum, count) => sum + count, 0) <= maxRecords;
}

/**
 * Whether our service is named in it. Everything a network says by mDNS passes here, so nothing is parsed for it: the
 * label stands at least once in any message with a record of ours, in whatever way names are compressed.
 */
export function speaksOfServers(bytes: Uint8Array): boolean {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return message.toString('latin1').toLowerCase().includes(ourLabel);
}
