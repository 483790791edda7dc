import packet, { type Answer } from 'dns-packet';
import { serviceLabels } from './service.js';
import { isAnswer } from './sieve.js';

/** One record that has to do with finding a server. Names are in lower case. */
export type ServiceRecord = {
  /** 0: it is no longer so (RFC 6762, section 10.1). */
  readonly gone: boolean;
} & (
  | { readonly kind: 'pointer'; readonly instance: string }
  | {
      readonly kind: 'place';
      readonly instance: string;
      readonly host: string;
      /** TCP. */
      readonly port: number;
    }
  | {
      readonly kind: 'facts';
      readonly instance: string;
      readonly facts: ReadonlyMap<string, string>;
    }
  | {
      readonly kind: 'address';
      readonly host: string;
      readonly address: string;
      /** It is one of all the addresses there are (RFC 6762, section 10.2). */
      readonly flush: boolean;
    }
);

const maxFacts = 32;

const serviceName = serviceLabels.join('.');
/**
 * The records of one answer that lead to lanpost servers, in their order. Reads any bytes and never
 * throws; the length and the number of records are judged before anything is parsed.
 *
 * @returns null when it is no answer, or none that can be read.
 */
export function decodeAnswer(bytes: Uint8Array): readonly ServiceRecord[] | null {
  if (!isAnswer(bytes)) return null;
  try {
    const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const { answers = [], additionals = [] } = packet.decode(message);
    return [...answers, ...additionals].flatMap(recordOf);
  } catch {
    return null;
  }
}

function recordOf(answer: Answer): ServiceRecord[] {
  if (answer.type === 'OPT' || answer.class !== 'IN') return [];
  const gone = answer.ttl === 0;
  switch (answer.type) {
    case 'PTR':
      if (answer.name.toLowerCase() !== serviceName) return [];
      return instanceOf(answer.data).map((instance) => ({ kind: 'pointer', gone, instance }));
    case 'SRV': {
      const { target, port } = answer.data;
      if (port === 0) return [];
      const host = target.toLowerCase();
      return instanceOf(answer.name).map((instance) => ({
        kind: 'place',
        gone,
        instance,
        host,
        port,
      }));
    }
    case 'TXT':
      return instanceOf(answer.name).map((instance) => {
        return { kind: 'facts', gone, instance, facts: factsOf(answer.data) };
      });
    case 'A':
    case 'AAAA': {
      const flush = 'flush' in answer && answer.flush === true;
      const host = answer.name.toLowerCase();
      return [{ kind: 'address', gone, host, address: answer.data, flush }];
    }
    default:
      return [];
  }
}

/** What stands before the service type: the name of one server, as it was written. */
function instanceOf(name: string): string[] {
  const at = name.length - serviceName.length - 1;
  if (at <= 0 || name.slice(at).toLowerCase() !== `.${serviceName}`) return [];
  return [name.slice(0, at)];
}

/** Keys in lower case; of two equal ones the first counts (RFC 6763, section 6.4). */
function factsOf(data: unknown): ReadonlyMap<string, string> {
  const facts = new Map<string, string>();
  const strings: readonly unknown[] = Array.isArray(data) ? data : [data];
  for (const bytes of strings.slice(0, maxFacts)) {
    const text = bytes instanceof Uint8Array ? Buffer.from(bytes).toString('utf8') : String(bytes);
    const at = text.indexOf('=');
    if (at <= 0) continue;
    const key = text.slice(0, at).toLowerCase();
    if (!facts.has(key)) facts.set(key, text.slice(at + 1));
  }
  return facts;
}
