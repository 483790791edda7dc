import type { Answer } from '#src/view/answer.js';
import { exitCodes } from '#src/exit-codes.js';
import { z } from 'zod';

/**
 * Every event of `--json`, as scripts may rely on it: the one source of `src/view/JSON.md`, and the judge of every line that
 * the program prints in a test. The compiler holds it against what the program can answer.
 */

type Keys<Event extends Answer['event'], Each = Answer> = Each extends { readonly event: infer Own }
  ? Event extends Own
    ? Each
    : never
  : never;
/** As it is printed: times are text. */
type Printed<Keyed> = {
  readonly [Key in keyof Keyed as Exclude<Key, 'event'>]: Key extends 'mtime'
    ? string | null
    : Keyed[Key];
};

interface EventFacts<Event extends Answer['event']> {
  /** When it is told. */
  readonly about: string;
  readonly keys: z.ZodType<Printed<Keys<Event>>> & z.ZodObject;
  readonly example: Keys<Event>;
}

const id = z.string().regex(/^[0-9A-HJKMNP-TV-Z]{52}$/);
const theirId = id.describe('id of the device, 52 symbols');
const nullableId = id.nullable().describe('id of the device; null for a server that told none');
const port = z.int().min(1).max(65_535).describe('TCP port');
const bytes = z.int().min(0);
const count = z.int().min(0);
const time = z.iso.datetime();
const mtime = z.iso
  .datetime()
  .nullable()
  .describe('ISO 8601, UTC; null for a time no calendar has');
const name = z
  .string()
  .describe('name that the machine gives itself, or by which it is known here');
const path = z.string().describe('as it was asked for');
const as = z.string().describe('name on the receiving side; of `received` with its folder');
const digest = z
  .string()
  .regex(/^(blake3|sha256):[0-9a-f]+$/)
  .describe('`<algorithm>:<hex>`');
const rights = z.array(z.string()).readonly();
const addresses = z.array(z.string()).readonly();
const words = z.array(z.string()).readonly();
const message = z.string().describe('a sentence for people');
const code = z.string();
const exit = z
  .literal(Object.values(exitCodes))
  .describe('the exit code that this failure has alone');

const transferred = {
  path,
  as,
  size: bytes.describe('bytes'),
  digest,
  identical: z.boolean().describe('it was there already; nothing was written'),
};
const counts = {
  files: count.describe('files that came, or were there already'),
  bytes: bytes.describe('bytes of those that came'),
  identical: count.describe('files that were there already'),
  skipped: count.describe('files that were left alone, as was asked for'),
  renamed: count.describe('files whose name was taken, so that they got a number'),
  failed: count,
};

const exampleId = 'A74ZJD68YJEZ85GZ0123456789ABCDEFGHJKMNPQRSTVWXYZ0123';
const exampleDigest = `blake3:${'af'.repeat(32)}`;

export const events: { readonly [Event in Answer['event']]: EventFacts<Event> } = {
  server: {
    about: 'scan: a server that was found, once for each.',
    keys: z.strictObject({
      name,
      id: nullableId,
      port,
      addresses: addresses.describe('where it was seen; later ones follow as `address`'),
      code: z.boolean().nullable().describe('a stranger needs a code; null if it did not tell'),
      marks: words.describe('`legacy`, `newer`, `conflict`, `twin`, `mdns`: what is odd about it'),
    }),
    example: {
      event: 'server',
      name: 'amber',
      id: exampleId,
      port: 30_001,
      addresses: ['192.168.1.20'],
      code: true,
      marks: [],
    },
  },
  address: {
    about: 'scan: one more address of a server that was told before.',
    keys: z.strictObject({ id: nullableId, name, address: z.string(), port }),
    example: { event: 'address', id: exampleId, name: 'amber', address: '10.0.0.1', port: 30_001 },
  },
  entry: {
    about: 'list, llist: a file or folder.',
    keys: z.strictObject({
      path: z.string().describe('from the shared, or local, folder on'),
      type: z.enum(['file', 'folder']),
      size: bytes.describe('bytes; 0 for a folder'),
      mtime,
    }),
    example: {
      event: 'entry',
      path: 'a/b.txt',
      type: 'file',
      size: 5,
      mtime: 1_795_202_520_000_000,
    },
  },
  received: {
    about: 'get: a file is complete, verified and on the disk.',
    keys: z.strictObject(transferred),
    example: {
      event: 'received',
      path: 'a/b.txt',
      as: 'clientDirectory/new_b.txt',
      size: 5,
      digest: exampleDigest,
      identical: false,
    },
  },
  stored: {
    about: 'put: the server has said that a file is complete, verified and on its disk.',
    keys: z.strictObject(transferred),
    example: {
      event: 'stored',
      path: 'b.txt',
      as: 'new_b.txt',
      size: 5,
      digest: exampleDigest,
      identical: true,
    },
  },
  skipped: {
    about: 'get, put: what has the name already stays, as was asked for.',
    keys: z.strictObject({ path, as }),
    example: { event: 'skipped', path: 'a.txt', as: 'new_a.txt' },
  },
  folder: {
    about: 'get, put: a folder stands under its name. Its files were told just before.',
    keys: z.strictObject({ path, as, ...counts }),
    example: {
      event: 'folder',
      path: 'a',
      as: 'new_a',
      files: 3,
      bytes: 12,
      identical: 1,
      skipped: 0,
      renamed: 0,
      failed: 0,
    },
  },
  'left-out': {
    about: 'get, put: what the sender of folders left out, which is no failure.',
    keys: z.strictObject({
      links: count.describe('links, devices and the like'),
      hidden: count.describe('names that begin with a dot'),
    }),
    example: { event: 'left-out', links: 1, hidden: 2 },
  },
  unlisted: {
    about: 'list, llist: what a folder holds besides, under names that cannot be shared.',
    keys: z.strictObject({
      path: z.string().describe('the folder; empty for the one that is shared'),
      names: count,
    }),
    example: { event: 'unlisted', path: 'a', names: 1 },
  },
  summary: {
    about: 'get, put: the end of a command that moved more than one file.',
    keys: z.strictObject({
      ...counts,
      seconds: z.number().min(0),
      rate: z.int().min(0).describe('bytes a second'),
      place: z.string().describe('where they lie: a folder here, or the name of the server'),
    }),
    example: {
      event: 'summary',
      files: 12,
      bytes: 4096,
      identical: 1,
      skipped: 0,
      renamed: 2,
      failed: 0,
      seconds: 1.024,
      rate: 4000,
      place: 'clientDirectory',
    },
  },
  failed: {
    about: 'any command: something failed.',
    keys: z.strictObject({
      path: z.string().nullable().describe('what failed; null when it is the command as a whole'),
      code: code.describe('one of a fixed set of words, such as `not-found`'),
      message,
      exit,
      hint: z.string().exactOptional().describe('what to do, for people'),
    }),
    example: {
      event: 'failed',
      path: 'b.txt',
      code: 'not-found',
      message: 'no such file or folder',
      exit: 5,
      hint: 'list shows what is there',
    },
  },
  broken: {
    about: 'get, put: the connection broke in the middle, and is tried again.',
    keys: z.strictObject({ name, address: z.string(), port, code, message }),
    example: {
      event: 'broken',
      name: 'amber',
      address: '192.168.1.20',
      port: 30_001,
      code: 'connection-lost',
      message: 'the connection was lost',
    },
  },
  back: {
    about: 'get, put: it is there again, or elsewhere by now, and the transfer goes on.',
    keys: z.strictObject({ name, address: z.string(), port }),
    example: { event: 'back', name: 'amber', address: '192.168.1.20', port: 30_001 },
  },
  connected: {
    about: 'connect: a session is open.',
    keys: z.strictObject({
      name,
      id: theirId,
      address: z.string(),
      port,
      trust: z.enum(['self', 'known', 'paired', 'unverified']).describe('why its key is trusted'),
      rights: rights.describe('what we may do there: `read`, `write`, `replace`'),
    }),
    example: {
      event: 'connected',
      name: 'amber',
      id: exampleId,
      address: '192.168.1.20',
      port: 30_001,
      trust: 'known',
      rights: ['read', 'write'],
    },
  },
  unverified: {
    about: 'the session is with an open server whose key nobody has vouched for.',
    keys: z.strictObject({ name, id: theirId }),
    example: { event: 'unverified', name: 'amber', id: exampleId },
  },
  bye: {
    about: 'bye: the session has ended.',
    keys: z.strictObject({ name }),
    example: { event: 'bye', name: 'amber' },
  },
  code: {
    about: 'pair, serve: from now on a machine may become known with this code.',
    keys: z.strictObject({ code: code.describe('8 symbols, `K7QF-3M2X`'), expires: time }),
    example: { event: 'code', code: 'K7QF-3M2X', expires: '2026-11-20T19:32:00.000Z' },
  },
  peer: {
    about: 'peers: a machine that is known.',
    keys: z.strictObject({
      name,
      id: theirId,
      rights: rights.describe('what it may do here'),
      how: z.string().describe('how it became known'),
      since: time,
    }),
    example: {
      event: 'peer',
      name: 'amber',
      id: exampleId,
      rights: ['read'],
      how: 'code',
      since: '2026-11-20T19:22:00.000Z',
    },
  },
  pin: {
    about: 'peers: an open server whose key was remembered when it was first used.',
    keys: z.strictObject({ place: z.string().describe('host and port'), id: theirId, since: time }),
    example: {
      event: 'pin',
      place: '10.0.0.9:30001',
      id: exampleId,
      since: '2026-11-20T19:22:00.000Z',
    },
  },
  partial: {
    about: 'partials: a transfer that broke off on its way in.',
    keys: z.strictObject({
      folder: z.string(),
      name: z.string().describe('the name that it was to get'),
      peer: z.string().describe('id of the device that it came from'),
      size: bytes.describe('bytes of the whole'),
      bytes: bytes.describe('bytes that are here'),
      mtime,
      removed: z.boolean(),
    }),
    example: {
      event: 'partial',
      folder: 'clientDirectory',
      name: 'new_a.bin',
      peer: exampleId,
      size: 10,
      bytes: 5,
      mtime: 1_795_202_520_000_000,
      removed: false,
    },
  },
  job: {
    about: 'at the prompt: what runs beside it.',
    keys: z.strictObject({
      number: count,
      line: z.string().describe('as it was typed'),
      state: z.string().describe('`running`, `done`, `failed`, `cancelled`, or how far it is'),
    }),
    example: { event: 'job', number: 1, line: 'get a', state: 'done' },
  },
  serving: {
    about: 'serve: the folder is shared from now on.',
    keys: z.strictObject({
      name,
      id: theirId,
      port,
      addresses,
      folder: z.string(),
      open: z.enum(['no', 'read', 'rw']).describe('what strangers may do'),
      mode: z.enum(['share', 'read-only', 'inbox']),
    }),
    example: {
      event: 'serving',
      name: 'amber',
      id: exampleId,
      port: 30_001,
      addresses: ['192.168.1.20'],
      folder: '/srv/share',
      open: 'no',
      mode: 'share',
    },
  },
  stopped: {
    about: 'serve: it is shared no more.',
    keys: z.strictObject({}),
    example: { event: 'stopped' },
  },
  status: {
    about: 'status: how the server of this user stands; then its clients and what moves.',
    keys: z.strictObject({
      name,
      id: theirId,
      port,
      pid: z.int(),
      folder: z.string(),
      uptime: z.int().min(0).describe('seconds'),
      clients: count.describe('who is there now, besides who asks'),
      transfers: count.describe('what moves now'),
      filesIn: count.describe('files that came to their end since it started'),
      filesOut: count.describe('the same of files that went out'),
      bytesIn: bytes.describe('bytes of these'),
      bytesOut: bytes.describe('bytes of these'),
      refused: count.describe('who came and was not let in'),
      paired: count.describe('machines that became known'),
      maxClients: count,
      maxFileSize: bytes.describe('bytes'),
      quota: bytes.describe('bytes of one machine'),
      free: bytes.nullable().describe('bytes that the disk has left; null when it cannot say'),
      keepFree: bytes.describe('bytes of these that stay free'),
    }),
    example: {
      event: 'status',
      name: 'amber',
      id: exampleId,
      port: 30_001,
      pid: 4711,
      folder: '/srv/share',
      uptime: 3600,
      clients: 1,
      transfers: 1,
      filesIn: 0,
      filesOut: 12,
      bytesIn: 0,
      bytesOut: 5_000_000,
      refused: 0,
      paired: 1,
      maxClients: 256,
      maxFileSize: 1_099_511_627_776,
      quota: 1_099_511_627_776,
      free: 20_000_000_000,
      keepFree: 1_073_741_824,
    },
  },
  client: {
    about: 'status: who is there.',
    keys: z.strictObject({
      name,
      id: theirId,
      address: z.string(),
      as: z.enum(['owner', 'peer', 'open']).describe('how it came in; `open`: nobody knows it'),
      rights,
      since: time,
    }),
    example: {
      event: 'client',
      name: 'birch',
      id: exampleId,
      address: '192.168.1.21',
      as: 'peer',
      rights: ['read', 'write'],
      since: '2026-11-20T19:22:00.000Z',
    },
  },
  transfer: {
    about: 'status: what moves.',
    keys: z.strictObject({
      client: z.string().describe('name of the client'),
      id: theirId,
      direction: z.enum(['in', 'out']).describe('into the share, or out of it'),
      path,
      bytes: bytes.describe('bytes that the receiving side has'),
      size: bytes.describe('bytes'),
      rate: bytes.describe('bytes a second'),
      files: z
        .strictObject({ done: count, of: count, counted: z.boolean() })
        .nullable()
        .describe('of many files in one transfer; `counted`: all are known by now'),
    }),
    example: {
      event: 'transfer',
      client: 'birch',
      id: exampleId,
      direction: 'out',
      path: 'film.mkv',
      bytes: 1_000_000,
      size: 5_000_000,
      rate: 100_000_000,
      files: null,
    },
  },
  service: {
    about: 'service: the unit for systemd.',
    keys: z.strictObject({
      scope: z.enum(['user', 'system']),
      unit: z.string().describe('the text of its file'),
    }),
    example: { event: 'service', scope: 'user', unit: '[Unit]\n...' },
  },
  completion: {
    about: 'completion: a script for a shell, or what such a script asked for.',
    keys: z.strictObject({ text: z.string() }),
    example: { event: 'completion', text: 'complete -c lanpost ...' },
  },
  shutdown: {
    about: 'shutdown: a server of ours has ended.',
    keys: z.strictObject({ port, folder: z.string() }),
    example: { event: 'shutdown', port: 30_001, folder: '/srv/share' },
  },
  setting: {
    about: 'config: a setting.',
    keys: z.strictObject({
      key: z.string(),
      value: z.union([z.string(), z.number()]).describe('sizes in bytes, times in milliseconds'),
      text: z.string().describe('as it would be typed'),
      origin: z.string().describe('where it came from'),
    }),
    example: {
      event: 'setting',
      key: 'udpPort',
      value: 30_000,
      text: '30000',
      origin: 'the default',
    },
  },
  finding: {
    about: 'doctor: a reason why a machine is not found, the weightiest first.',
    keys: z.strictObject({
      code,
      weight: z
        .enum(['blocks', 'may', 'note'])
        .describe('`blocks`: this is why; `may`: it can be; `note`: it does not matter now'),
      message,
      details: words,
      commands: words.describe('what mends it, typed on this machine one after the other'),
    }),
    example: {
      event: 'finding',
      code: 'interface-down',
      weight: 'blocks',
      message: 'the network is switched off: eth0 is down',
      details: [],
      commands: ['sudo ip link set eth0 up'],
    },
  },
  check: {
    about: 'doctor, scan --explain: something that was looked at.',
    keys: z.strictObject({
      about: z.enum(['interface', 'port', 'firewall', 'route', 'network']),
      name: z.string(),
      text: z.string().describe('in words'),
      kind: z.string().exactOptional().describe('of an interface: `wired`, `wireless`, ...'),
      up: z.boolean().nullable().exactOptional().describe('of an interface; null: not known'),
      carrier: z.boolean().nullable().exactOptional().describe('of an interface; null: not known'),
      address: z.string().exactOptional().describe('of an interface'),
      errors: words.exactOptional().describe('why probes could not be sent; none: they were'),
      ownHeard: z
        .boolean()
        .nullable()
        .exactOptional()
        .describe('a broadcast from there came back here; null: not tried'),
      answers: addresses.exactOptional().describe('addresses that answered'),
      state: z.string().exactOptional().describe('of a port: `free`, `held`, `shared`, `refused`'),
      holders: z
        .array(z.strictObject({ pid: z.int(), program: z.string() }))
        .readonly()
        .exactOptional()
        .describe('who has the port'),
      unread: words.exactOptional().describe('programs whose rules only root may see'),
      rules: words.exactOptional().describe('rules that stop something'),
      machines: addresses.exactOptional().describe('addresses of machines that are there'),
    }),
    example: {
      event: 'check',
      about: 'interface',
      name: 'eth0',
      kind: 'wired',
      up: true,
      carrier: true,
      address: '192.168.1.20/24',
      errors: [],
      ownHeard: true,
      answers: ['192.168.1.9'],
      text: 'wired, 192.168.1.20/24: probe sent',
    },
  },
  help: {
    about: 'help, --help: the text.',
    keys: z.strictObject({ text: z.string() }),
    example: { event: 'help', text: 'verbs\n' },
  },
};

/** Throws with the reason when a line of `--json` is none that is documented. */
export function mustBeLine(line: unknown): void {
  const {
    v,
    event,
    server: _,
    ...keys
  } = z
    .looseObject({
      v: z.literal(1),
      event: z.enum(Object.keys(events) as Answer['event'][]),
      server: z.string().optional(),
    })
    .parse(line);
  const read = events[event].keys.safeParse(keys);
  if (read.success) return;
  throw new Error(`no line of ${v}: ${JSON.stringify(line)}\n${z.prettifyError(read.error)}`);
}
