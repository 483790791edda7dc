import type { Failure } from '#src/failure.js';

/** Everything that a command can answer; each is one line of `--json`, with `v` and `event`. */
export type Answer =
  | ServerAnswer
  | {
      readonly event: 'address';
      readonly id: string | null;
      readonly name: string;
      readonly address: string;
      readonly port: number;
    }
  | EntryAnswer
  | TransferAnswer
  | FailedAnswer
  | {
      readonly event: 'connected';
      readonly name: string;
      readonly id: string;
      readonly address: string;
      readonly port: number;
      readonly trust: 'self' | 'known' | 'paired' | 'unverified';
      readonly rights: readonly string[];
    }
  /** The session is with an open server whose key nobody has vouched for. */
  | { readonly event: 'unverified'; readonly name: string; readonly id: string }
  /** From now on a new machine may pair with this code. */
  | { readonly event: 'code'; readonly code: string; readonly expires: string }
  | {
      readonly event: 'peer';
      readonly name: string;
      readonly id: string;
      readonly rights: readonly string[];
      readonly how: string;
      readonly since: string;
    }
  /** An open server whose key was remembered when it was first used. */
  | {
      readonly event: 'pin';
      readonly place: string;
      readonly id: string;
      readonly since: string;
    }
  /** What stands under that name stays, as was asked for. */
  | { readonly event: 'skipped'; readonly path: string; readonly as: string }
  | FolderAnswer
  | SummaryAnswer
  /** The connection broke in the middle of a transfer, and is tried again; then it is back, there or elsewhere. */
  | {
      readonly event: 'broken';
      readonly name: string;
      readonly address: string;
      readonly port: number;
      readonly code: string;
      readonly message: string;
    }
  | {
      readonly event: 'back';
      readonly name: string;
      readonly address: string;
      readonly port: number;
    }
  /** What the sender of folders left out without a word, counted. */
  | { readonly event: 'left-out'; readonly links: number; readonly hidden: number }
  /** What a folder holds besides, under names that cannot be shared. */
  | { readonly event: 'unlisted'; readonly path: string; readonly names: number }
  /** Something that runs beside the prompt: how far it is, or how it ended. */
  | {
      readonly event: 'job';
      readonly number: number;
      readonly line: string;
      readonly state: string;
    }
  | PartialAnswer
  | { readonly event: 'bye'; readonly name: string }
  | {
      readonly event: 'serving';
      readonly name: string;
      readonly id: string;
      readonly port: number;
      readonly addresses: readonly string[];
      readonly folder: string;
      readonly open: 'no' | 'read' | 'rw';
      readonly mode: 'share' | 'read-only' | 'inbox';
    }
  | { readonly event: 'stopped' }
  /** A unit for systemd, as its file. */
  | { readonly event: 'service'; readonly scope: 'user' | 'system'; readonly unit: string }
  | StatusAnswer
  | ClientAnswer
  | MovingAnswer
  /** A server of ours has ended because we asked it to. */
  | { readonly event: 'shutdown'; readonly port: number; readonly folder: string }
  | SettingAnswer
  | FindingAnswer
  | CheckAnswer
  | { readonly event: 'help'; readonly text: string }
  /** A script for a shell, or what such a script asked for, a line each. */
  | { readonly event: 'completion'; readonly text: string };

/** How a server of ours stands. Bytes; files and bytes are of those that travelled to their end since it started. */
export interface StatusAnswer {
  readonly event: 'status';
  readonly name: string;
  readonly id: string;
  readonly port: number;
  readonly pid: number;
  readonly folder: string;
  /** Seconds. */
  readonly uptime: number;
  /** How many there are now, besides who asks. */
  readonly clients: number;
  readonly transfers: number;
  readonly filesIn: number;
  readonly filesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Who came and was not let in. */
  readonly refused: number;
  readonly paired: number;
  readonly maxClients: number;
  readonly maxFileSize: number;
  /** Of one machine. */
  readonly quota: number;
  /** What the disk of the share has left; null when it cannot say. */
  readonly free: number | null;
  readonly keepFree: number;
}

/** Somebody who is in at a server of ours. */
export interface ClientAnswer {
  readonly event: 'client';
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly as: 'owner' | 'peer' | 'open';
  readonly rights: readonly string[];
  readonly since: string;
}

/** What moves at a server of ours: out of its share, or in. */
export interface MovingAnswer {
  readonly event: 'transfer';
  readonly client: string;
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly path: string;
  readonly bytes: number;
  readonly size: number;
  /** Bytes a second. */
  readonly rate: number;
  /** Of many files in one transfer. */
  readonly files: { readonly done: number; readonly of: number; readonly counted: boolean } | null;
}

/** A file that broke off on its way in; the sizes in bytes, the time in microseconds since 1970. */
export interface PartialAnswer {
  readonly event: 'partial';
  readonly folder: string;
  readonly name: string;
  readonly peer: string;
  readonly size: number;
  readonly bytes: number;
  readonly mtime: number;
  readonly removed: boolean;
}

export interface ServerAnswer {
  readonly event: 'server';
  readonly name: string;
  /** 52 symbols; null for a server that sent only the line for people. */
  readonly id: string | null;
  readonly port: number;
  readonly addresses: readonly string[];
  /** Whether a stranger needs a code. */
  readonly code: boolean | null;
  readonly marks: readonly string[];
}

export interface EntryAnswer {
  readonly event: 'entry';
  readonly path: string;
  readonly type: 'file' | 'folder';
  /** Bytes. */
  readonly size: number;
  /** Microseconds since 1970. */
  readonly mtime: number;
}

export interface TransferAnswer {
  readonly event: 'received' | 'stored';
  readonly path: string;
  /** Name on the receiving side; for `received` with its folder. */
  readonly as: string;
  readonly size: number;
  readonly digest: string;
  /** It was there already with the same content; nothing was written. */
  readonly identical: boolean;
}

/** A folder stands under its name, with all in it that did not fail. */
export interface FolderAnswer {
  readonly event: 'folder';
  readonly path: string;
  readonly as: string;
  /** Files that came, or were there already. */
  readonly files: number;
  /** Bytes of those that came. */
  readonly bytes: number;
  readonly identical: number;
  readonly skipped: number;
  /** Files whose name was taken, so that they got a number. */
  readonly renamed: number;
  readonly failed: number;
}

/** The end of a command that moved several things: what became of all of them. */
export interface SummaryAnswer {
  readonly event: 'summary';
  /** Files that came, or were there already. */
  readonly files: number;
  /** Bytes of those that came. */
  readonly bytes: number;
  readonly identical: number;
  readonly skipped: number;
  readonly renamed: number;
  readonly failed: number;
  readonly seconds: number;
  /** Bytes a second. */
  readonly rate: number;
  /** Where they lie: a folder of this machine, or the name of a server. */
  readonly place: string;
}

export interface FailedAnswer extends Failure {
  readonly event: 'failed';
  /** What failed; null when it is the command as a whole. */
  readonly path: string | null;
}

export interface SettingAnswer {
  readonly event: 'setting';
  readonly key: string;
  readonly value: string | number;
  /** The value as a person would type it. */
  readonly text: string;
  readonly origin: string;
}

/** Why somebody is not found, or what may be in the way. */
export interface FindingAnswer {
  readonly event: 'finding';
  readonly code: string;
  /** `blocks`: this is why; `may`: it can be; `note`: it does not matter now. */
  readonly weight: 'blocks' | 'may' | 'note';
  readonly message: string;
  readonly details: readonly string[];
  /** What mends it when it is typed on this machine, one after the other. */
  readonly commands: readonly string[];
}

/** Something that was looked at: in words, and for an interface in facts. */
export interface CheckAnswer {
  readonly event: 'check';
  readonly about: 'interface' | 'port' | 'firewall' | 'route' | 'network';
  readonly name: string;
  readonly text: string;
  /** Of an interface: wired, wireless, bridge, vpn, container, loopback, other. */
  readonly kind?: string;
  readonly up?: boolean | null;
  readonly carrier?: boolean | null;
  readonly address?: string;
  /** Why probes could not be sent; none: they were. */
  readonly errors?: readonly string[];
  /** Whether a broadcast from there came back to this machine itself; null: not tried. */
  readonly ownHeard?: boolean | null;
  /** Addresses that answered. */
  readonly answers?: readonly string[];
  /** Of a port: free, held, shared, refused. */
  readonly state?: string;
  readonly holders?: readonly { readonly pid: number; readonly program: string }[];
  /** Programs whose rules only root may see; rules that stop something. */
  readonly unread?: readonly string[];
  readonly rules?: readonly string[];
  /** Addresses of machines that are there. */
  readonly machines?: readonly string[];
}
