import { SettingsError } from '#config/settings-error.js';
import { SharingError, type ErrorCode, type ErrorFacts } from '#sharing/errors.js';
import { bytesText } from './view/format.js';
import { quote } from './view/quote.js';

/** Exit codes that scripts rely on (README, "Exit codes"). */
export const exitCodes = {
  done: 0,
  fault: 1,
  usage: 2,
  unreachable: 3,
  notLetIn: 4,
  files: 5,
  integrity: 6,
  room: 7,
  interrupted: 8,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** What a person reads when something failed: one sentence, and what to do. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly exit: ExitCode;
}

/** Codes of failures that arise in the program itself, not in sharing. */
export type ProgramCode =
  'usage' | 'not-connected' | 'nobody-found' | 'unknown-name' | 'ambiguous-name';

/** A failure of the program's own: its words are given where it arises. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  readonly code: ProgramCode;
  readonly hint: string | undefined;

  constructor(code: ProgramCode, message: string, hint?: string) {
    super(message);
    this.code = code;
    this.hint = hint;
  }
}

/** The sentence, hint and exit code of whatever was thrown. Foreign words in it are quoted. */
export function explain(error: unknown): Failure {
  if (error instanceof ProgramError) {
    const { code, message, hint } = error;
    const found = code === 'nobody-found' || code === 'unknown-name';
    const exit = found ? exitCodes.unreachable : exitCodes.usage;
    return { code, message, exit, ...(hint !== undefined && { hint }) };
  }
  if (error instanceof SettingsError) {
    const hint = 'lanpost config shows every setting and where it comes from';
    return { code: 'settings', message: error.message, hint, exit: exitCodes.usage };
  }
  if (error instanceof SharingError) {
    const words = table[error.code];
    const facts = error.facts;
    const hint = typeof words.hint === 'function' ? words.hint(facts) : words.hint;
    const message = words.say(facts, quote(error.message));
    return { code: error.code, message, exit: words.exit, ...(hint !== undefined && { hint }) };
  }
  const text = error instanceof Error ? error.message : String(error);
  return {
    code: 'internal',
    message: `a fault in lanpost itself: ${quote(text)}`,
    hint: 'nothing that was there is harmed; please report it with the log',
    exit: exitCodes.fault,
  };
}

/** One exit code for several failures: theirs if they agree, else "some files failed". */
export function combine(codes: readonly ExitCode[]): ExitCode {
  const [first = exitCodes.done] = codes;
  return codes.every((code) => code === first) ? first : exitCodes.files;
}

interface Words {
  readonly exit: ExitCode;
  readonly say: (facts: ErrorFacts, message: string) => string;
  readonly hint?: string | ((facts: ErrorFacts) => string);
}

const again = 'run the same command again';
const { fault, usage, unreachable, notLetIn, files, integrity, room, interrupted } = exitCodes;

/** Every code of sharing has its words; the compiler proves it. */
const table: Record<ErrorCode, Words> = {
  'name-unresolved': {
    exit: unreachable,
    say: ({ host }) => `no machine called ${text(host)} is known`,
    hint: 'lanpost scan lists the servers that can be found; an IP address works too',
  },
  unreachable: {
    exit: unreachable,
    say: ({ host }) => `${text(host)} cannot be reached from this network`,
    hint: 'are both machines on the same network, and is this one connected at all?',
  },
  'connection-refused': {
    exit: unreachable,
    say: ({ host, port }) => `nothing listens at ${text(host)} port ${text(port)}`,
    hint: 'is lanpost serve running there, and on that port? lanpost scan shows the port',
  },
  'connect-timeout': {
    exit: unreachable,
    say: ({ host, port }) => `${text(host)} port ${text(port)} does not answer`,
    hint: 'is it switched on, and does its firewall let TCP 30001 through?',
  },
  'connection-lost': {
    exit: interrupted,
    say: () => 'the connection was lost',
    hint: again,
  },
  'peer-silent': {
    exit: interrupted,
    say: () => 'the other machine has fallen silent',
    hint: `is it asleep or unplugged? then ${again}`,
  },
  'not-lanpost': {
    exit: unreachable,
    say: ({ host, port }) => `what listens at ${text(host)} port ${text(port)} is not lanpost`,
    hint: 'lanpost scan shows on which port the server listens',
  },
  'version-mismatch': {
    exit: unreachable,
    say: (_, message) => `the two lanposts do not understand each other: ${message}`,
    hint: 'update the older one',
  },
  'not-known': {
    exit: notLetIn,
    say: () => 'the server does not know this machine and lets no strangers in',
    hint: 'on the server: lanpost serve --open (read) or --open=rw (read and write)',
  },
  'unknown-server': {
    exit: notLetIn,
    say: () => 'this server knows us, but its key is not known here',
    hint: 'without that nobody can tell whether it is the right machine',
  },
  'own-key-elsewhere': {
    exit: notLetIn,
    say: () => 'this key is in use on another machine',
    hint: 'a copied state folder? give this machine its own: set LANPOST_HOME to an empty folder',
  },
  'key-changed': {
    exit: notLetIn,
    say: ({ place, expected, shown }) =>
      `${text(place)} shows another key than before: expected ${id(expected)}, got ${id(shown)}`,
    hint: 'somebody may be in between; nothing was sent. Ask the owner of the server for its id',
  },
  unverified: {
    exit: notLetIn,
    say: ({ id: server }) =>
      `the server ${id(server)} is unverified, and put needs your word for it`,
    hint: ({ id: server }) => `if this is the right machine: --trust ${id(server)}`,
  },
  'no-right': {
    exit: notLetIn,
    say: (_, message) => message,
    hint: 'its owner can allow it: lanpost serve --open=rw',
  },
  'not-found': { exit: files, say: () => 'no such file', hint: 'list shows what is there' },
  'is-folder': { exit: files, say: () => 'this is a folder', hint: 'name the files in it' },
  'not-a-folder': { exit: files, say: () => 'this is not a folder' },
  'not-a-file': { exit: files, say: () => 'not a regular file; links and devices are not shared' },
  'no-permission': {
    exit: files,
    say: ({ path }) => (path === undefined ? 'no permission' : `no permission for ${text(path)}`),
    hint: 'the user who runs lanpost there has to be allowed to',
  },
  'name-refused': {
    exit: files,
    say: (_, message) => `this name cannot be shared: ${message}`,
    hint: 'rename it, or give it another name with --as',
  },
  'name-too-long': {
    exit: files,
    say: (_, message) => `the name is too long: ${message}`,
    hint: 'give it a shorter one with --as',
  },
  changed: {
    exit: files,
    say: () => 'the file changed while it was read',
    hint: `${again} when nobody writes to it`,
  },
  stalled: {
    exit: interrupted,
    say: (_, message) => `the transfer stalled: ${message}`,
    hint: again,
  },
  'read-failed': { exit: files, say: (_, message) => `the file cannot be read: ${message}` },
  'write-failed': { exit: files, say: (_, message) => `the file cannot be written: ${message}` },
  damaged: {
    exit: integrity,
    say: (_, message) => `the data arrived damaged and was thrown away: ${message}`,
    hint: `${again}; if it happens again, check memory and disk`,
  },
  'no-room': {
    exit: room,
    say: ({ size, free }) =>
      typeof size === 'number' && typeof free === 'number'
        ? `no room: ${bytesText(size)} wanted, ${bytesText(free)} free`
        : 'no room on the receiving disk',
    hint: 'make room there, or lower keepFree',
  },
  'file-too-large': {
    exit: room,
    say: ({ size, limit }, message) =>
      typeof size === 'number' && typeof limit === 'number'
        ? `the file is too large: ${bytesText(size)}, ${bytesText(limit)} are allowed`
        : `the file is too large: ${message}`,
    hint: 'the receiver can raise maxFileSize',
  },
  'too-many-clients': { exit: room, say: () => 'the server is full', hint: 'try again later' },
  'too-many-transfers': {
    exit: room,
    say: (_, message) => `too much at once: ${message}`,
    hint: 'wait until a transfer has ended',
  },
  'list-too-long': { exit: room, say: (_, message) => `the folder is too long: ${message}` },
  cancelled: { exit: interrupted, say: () => 'interrupted', hint: again },
  unsupported: {
    exit: usage,
    say: (_, message) => `the other lanpost cannot do that: ${message}`,
    hint: 'update the older one',
  },
  protocol: {
    exit: unreachable,
    say: (_, message) => `the other side does not keep to the protocol: ${message}`,
    hint: 'if both run the newest lanpost, please report it',
  },
  'shutting-down': { exit: interrupted, say: () => 'the server was stopped' },
  internal: {
    exit: fault,
    say: (_, message) => (message === '' ? 'a fault on the other side' : `a fault: ${message}`),
    hint: 'its log says more',
  },
  'folder-missing': {
    exit: usage,
    say: (_, message) => message,
    hint: 'make it, or name another folder',
  },
  'folder-overlaps-state': {
    exit: usage,
    say: ({ path }) =>
      `${text(path)} cannot be used: it holds, or lies in, the folder with the key`,
    hint: 'choose another folder, or another LANPOST_HOME',
  },
  'landing-not-private': {
    exit: usage,
    say: ({ path }) => `${text(path)} is not a private folder of this user`,
    hint: ({ path }) => `move it away, or: chmod 700 ${text(path)}`,
  },
  'state-missing': {
    exit: usage,
    say: (_, message) => `no place for the key: ${message}`,
    hint: 'set LANPOST_HOME to a folder that this user may write to',
  },
  'state-not-private': {
    exit: usage,
    say: ({ path, mine }) =>
      `${text(path)} ${mine === false ? 'belongs to another user' : 'can be read by others'}`,
    hint: ({ path, mine }) =>
      mine === false ? 'set LANPOST_HOME to a folder of your own' : `chmod -R go= ${text(path)}`,
  },
  'state-damaged': {
    exit: usage,
    say: (_, message) => message,
    hint: 'restore it from a backup, or move it away; then this machine starts anew',
  },
  'port-taken': {
    exit: usage,
    say: ({ port, holder }) =>
      holder === undefined
        ? `port ${text(port)} is taken by another program`
        : `port ${text(port)} is taken by ${text(holder)}`,
    hint: 'stop it, or choose another with --tcp-port',
  },
  'port-refused': {
    exit: usage,
    say: ({ port }) => `this user may not listen on port ${text(port)}`,
    hint: 'choose one above 1023 with --tcp-port',
  },
};

function text(fact: ErrorFacts[string] | undefined): string {
  return fact === undefined ? 'it' : quote(String(fact));
}

/** The short form of an id in groups, as the screen shows it everywhere. */
function id(fact: ErrorFacts[string] | undefined): string {
  return text(fact)
    .slice(0, 16)
    .replace(/(.{4})(?=.)/g, '$1-');
}
