import type { ErrorCode, ErrorFacts } from '#sharing/errors.js';
import { grouped, shortIdLength } from '#sharing/id.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { quote } from './view/quote.js';
import { shellWord } from './view/shell-word.js';

/** How a size is shown. */
export type SizeText = (bytes: number) => string;

interface Words {
  readonly exit: ExitCode;
  readonly say: (facts: ErrorFacts, message: string, size: SizeText) => string;
  readonly hint?: string | ((facts: ErrorFacts, atPrompt: boolean) => string | undefined);
}

const nameHints: Readonly<Record<string, string>> & { readonly name: string } = {
  name: 'names are never changed on the way; rename the file where it lies',
  path: 'paths begin at the shared folder: notes/plan.txt',
  as: '--as takes one plain name, such as plan.txt',
};
const privacy: Readonly<Record<string, string>> = {
  foreign: 'belongs to another user',
  open: 'can be read by others',
  link: 'is a link',
};
const inBetween =
  'somebody may be in between; nothing was sent. Ask the owner of the server for its id';
const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EROFS: 'the disk is read-only',
  EEXIST: 'something else is in its place',
  ENOTDIR: 'something else is in its place',
  EISDIR: 'something else is in its place',
};
const again = 'run the same command again: a transfer goes on where it stopped';
const { fault, usage, unreachable, notLetIn, files, integrity, room, interrupted } = exitCodes;

/** Every code of sharing has its words; the compiler proves it. */
export const failureWords: Record<ErrorCode, Words> = {
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
    hint: ({ port }) => `is it switched on, and does its firewall let TCP ${text(port)} through?`,
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
    hint: 'its owner can show you a code: lanpost pair; or open the server to all: serve --open',
  },
  'code-needed': {
    exit: notLetIn,
    say: ({ asked }) => (asked === true ? 'no code was given' : 'the server asks for a code'),
    hint: 'its owner sees one where lanpost serve runs, or with lanpost pair; give it with --code-file',
  },
  'wrong-code': {
    exit: notLetIn,
    say: (_, message) => `not paired: ${message}`,
    hint: 'look at it again; it is good for 10 minutes and once, and its owner gets a new one with lanpost pair',
  },
  'locked-out': {
    exit: notLetIn,
    say: (_, message) => `not paired: ${message}`,
    hint: 'wait 10 minutes',
  },
  'unknown-peer': {
    exit: usage,
    say: (_, message) => message,
    hint: 'peers list shows who is known',
  },
  'name-taken': { exit: usage, say: (_, message) => message, hint: 'choose another name' },
  'unknown-server': {
    exit: notLetIn,
    say: () => 'this server knows us, but its key is not known here',
    hint: 'its owner shows you a code (lanpost pair), which tells whether it is the right machine; --code-file takes it',
  },
  'own-key-elsewhere': {
    exit: notLetIn,
    say: () => 'this key is in use on another machine',
    hint: 'a copied state folder? give this machine its own: set LANPOST_HOME to an empty folder',
  },
  'key-changed': {
    exit: notLetIn,
    say: ({ place, expected, shown }) =>
      `${text(place)} shows another key: expected ${id(expected)}, got ${id(shown)}`,
    hint: ({ forget }) =>
      forget === undefined
        ? inBetween
        : `${inBetween}; only if it has a new key: lanpost peers forget ${pathWord(forget)}`,
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
    hint: "that is its owner's choice, by how it is served and by: lanpost peers rights <this machine> read,write,replace",
  },
  'not-found': {
    exit: files,
    say: () => 'no such file or folder',
    hint: ({ local, meant }, atPrompt) =>
      meant !== undefined
        ? `did you mean ${text(meant)}?`
        : local === true
          ? atPrompt
            ? 'llist shows the local folder'
            : 'put reads from the current folder'
          : 'list shows what is there',
  },
  'is-folder': {
    exit: files,
    say: () => 'this is a folder',
    hint: '* stands for all that is in the share; a file takes no place of a folder',
  },
  'not-a-folder': {
    exit: files,
    say: () => 'this is not a folder',
    hint: 'list shows what is one',
  },
  'not-a-file': {
    exit: files,
    say: () => 'not a regular file',
    hint: 'links, devices and the like are never shared; name the file itself',
  },
  'no-permission': {
    exit: files,
    say: ({ path }) => (path === undefined ? 'no permission' : `no permission for ${text(path)}`),
    hint: ({ local }) =>
      local === true
        ? 'this user has to be allowed to read it'
        : 'the user who runs lanpost on that side has to be allowed to',
  },
  'name-refused': {
    exit: files,
    say: (_, message) => `this name cannot be used: ${message}`,
    hint: ({ what }) => nameHints[String(what)] ?? nameHints.name,
  },
  'name-too-long': {
    exit: files,
    say: (_, message) => `the name is too long: ${message}`,
    hint: ({ what }) => (what === 'path' ? nameHints.name : 'give it a shorter one with --as'),
  },
  changed: {
    exit: files,
    say: (_, message) => (message === '' ? 'the file changed while it was read' : message),
    hint: 'run the same command again when nobody writes to it',
  },
  stalled: {
    exit: interrupted,
    say: (_, message) => `the transfer stalled: ${message}`,
    hint: again,
  },
  'read-failed': {
    exit: files,
    say: (_, message) => `the file cannot be read: ${message}`,
    hint: 'is the disk of the sending side in order?',
  },
  'write-failed': {
    exit: files,
    say: (_, message) => `the file cannot be written: ${message}`,
    hint: 'is the disk of the receiving side in order, and may its user write there?',
  },
  damaged: {
    exit: integrity,
    say: (_, message) => `the data arrived damaged and was thrown away: ${message}`,
    hint: 'run the same command again; if it happens again, check memory and disk',
  },
  'folder-gone': {
    exit: files,
    say: ({ path }) =>
      path === undefined
        ? 'the folder that the server shared is no longer there'
        : `${text(path)} is no longer there`,
    hint: 'make it again; a server has to be started again too',
  },
  'no-room': {
    exit: room,
    say: ({ size, free, limit, path }, _, shown) =>
      typeof size === 'number' && typeof free === 'number'
        ? `no room: ${shown(size)} wanted, ${shown(free)} free${besides(limit, shown)}`
        : path === undefined
          ? 'no room on the receiving disk'
          : `no room on the disk of ${text(path)}`,
    hint: ({ path, spool }) =>
      path === undefined
        ? 'make room there, or lower keepFree'
        : spool === true
          ? 'make room there, or set TMPDIR to a folder with more; what comes over a pipe is kept there first'
          : 'make room there',
  },
  'file-too-large': {
    exit: room,
    say: ({ size, limit }, message, shown) =>
      typeof size === 'number' && typeof limit === 'number'
        ? `the file is too large: ${shown(size)}, ${shown(limit)} are allowed`
        : `the file is too large: ${message}`,
    hint: 'the receiver can raise maxFileSize',
  },
  'over-quota': {
    exit: room,
    say: ({ size, free, limit }, message, shown) =>
      typeof size === 'number' && typeof free === 'number' && typeof limit === 'number'
        ? `over the quota: ${shown(size)} wanted, ${shown(free)} of ${shown(limit)} are left`
        : `over the quota: ${message}`,
    hint: 'the owner of the server can raise quota; it counts anew when the server starts',
  },
  'too-many-clients': {
    exit: room,
    say: (_, message) => `the server is full: ${message}`,
    hint: 'try again later; its owner can raise maxClients and maxClientsPerAddress',
  },
  'too-many-transfers': {
    exit: room,
    say: (_, message) => `too much at once: ${message}`,
    hint: 'wait until a transfer has ended',
  },
  'list-too-long': {
    exit: room,
    say: (_, message) => `the folder is too long to list: ${message}`,
    hint: 'get files by name, or spread them over several folders there',
  },
  cancelled: {
    exit: interrupted,
    say: () => 'interrupted',
    hint: ({ transfer }) => (transfer === true ? again : undefined),
  },
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
  'shutting-down': {
    exit: interrupted,
    say: () => 'the server was stopped',
    hint: `when it runs again, ${again}`,
  },
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
  'folder-unwritable': {
    exit: usage,
    say: ({ path, why }) => `${text(path)} cannot be made: ${reason(why)}`,
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
    say: ({ path, why }) =>
      why === 'modes'
        ? `${text(path)} cannot be private: its disk does not know who may read what`
        : `${text(path)} is not a private folder of this user`,
    hint: ({ path, why }) =>
      why === 'modes'
        ? 'receive into a folder on another disk, or mount this one with the options uid=<this user>,umask=077'
        : `move it away, or: chmod 700 ${pathWord(path)}`,
  },
  'state-missing': {
    exit: usage,
    say: (_, message) => `no place for the key: ${message}`,
    hint: 'set LANPOST_HOME to a folder that this user may write to',
  },
  'state-unwritable': {
    exit: usage,
    say: ({ path, why }) => `${text(path)} cannot be written: ${reason(why)}`,
    hint: 'set LANPOST_HOME to a folder that this user may write to',
  },
  'state-not-private': {
    exit: usage,
    say: ({ path, why }) => `${text(path)} ${privacy[String(why)] ?? 'is not private'}`,
    hint: ({ path, why }) =>
      why === 'open'
        ? `chmod -R go= ${pathWord(path)}`
        : 'set LANPOST_HOME to a folder of your own',
  },
  'state-damaged': {
    exit: usage,
    say: (_, message) => message,
    hint: 'restore it from a backup, or move it away; then this machine starts anew',
  },
  'state-busy': {
    exit: usage,
    say: (_, message) => message,
    hint: ({ path }) => `try again; if that process is no lanpost: rm ${pathWord(path)}`,
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

/** What must stay free, where that is the limit. */
function besides(limit: ErrorFacts[string] | undefined, shown: SizeText): string {
  return typeof limit === 'number' && limit > 0
    ? ` besides the ${shown(limit)} that must stay so`
    : '';
}

/** Why the system refused something, in words where it has some. */
function reason(why: ErrorFacts[string] | undefined): string {
  return reasons[String(why)] ?? text(why);
}

/** A path as a shell takes it. */
function pathWord(fact: ErrorFacts[string] | undefined): string {
  return fact === undefined ? 'it' : shellWord(String(fact));
}

/** The short form of an id in groups, as the screen shows it everywhere. */
function id(fact: ErrorFacts[string] | undefined): string {
  return grouped(
    text(fact)
      .replace(/[^0-9A-Za-z]/g, '')
      .slice(0, shortIdLength),
  );
}
