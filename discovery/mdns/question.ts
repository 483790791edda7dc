import { maxLabelBytes, serviceLabels } from './service.js';

export interface Question {
  /** From the first label to the last; a label may hold any character, dots included. */
  readonly labels: readonly string[];
  readonly type: 'A' | 'PTR' | 'TXT' | 'SRV';
}

export interface QueryOptions {
  /** Asks for an answer to this socket alone (RFC 6762, section 5.4). */
  readonly unicast: boolean;
}

const typeNumbers = { A: 1, PTR: 12, TXT: 16, SRV: 33 } as const;
const classInternet = 1;
const unicastBit = 0x80_00;

/** Which lanpost servers are there? */
export const whoIsThere: Question = { labels: serviceLabels, type: 'PTR' };

/**
 * One query message. Written here because the name of a server is one label whatever dots are in it,
 * which dns-packet would take apart. Source: RFC 1035, section 4.1; PROTOCOL.md, mDNS.
 *
 * @returns null when a label cannot be sent: empty, or longer than 63 bytes.
 */
export function encodeQuery(
  questions: readonly Question[],
  { unicast }: QueryOptions,
): Uint8Array | null {
  const labels = questions
    .flatMap((question) => question.labels)
    .map((label) => Buffer.from(label));
  if (labels.some(({ length }) => length === 0 || length > maxLabelBytes)) return null;
  const header = Buffer.alloc(12);
  header.writeUInt16BE(questions.length, 4);
  return Buffer.concat([header, ...questions.map((question) => encodeQuestion(question, unicast))]);
}

function encodeQuestion({ labels, type }: Question, unicast: boolean): Buffer {
  const name = labels.flatMap((label) => {
    const bytes = Buffer.from(label);
    return [Buffer.from([bytes.length]), bytes];
  });
  const end = Buffer.alloc(5);
  end.writeUInt16BE(typeNumbers[type], 1);
  end.writeUInt16BE(classInternet + (unicast ? unicastBit : 0), 3);
  return Buffer.concat([...name, end]);
}
