/**
 * Every setting: its kind (which is also its unit), bounds, default and one line of meaning.
 * Nothing is imported here, so that help and the argument parser start without the validator.
 */
export const settingTable = {
  udpPort: {
    kind: 'count',
    min: 1,
    max: 65_535,
    default: 30_000,
    meaning: 'UDP port on which servers are found',
  },
  tcpPort: {
    kind: 'count',
    min: 0,
    max: 65_535,
    default: 30_001,
    meaning: 'TCP port on which files are shared; 0 takes any free one',
  },
  mdns: {
    kind: 'choice',
    choices: ['on', 'off'],
    default: 'on',
    meaning: 'whether servers are also announced and looked for by mDNS',
  },
  name: {
    kind: 'name',
    maxCharacters: 64,
    maxBytes: 128,
    meaning: 'name under which other machines see this one',
  },
  serverDirectory: {
    kind: 'folder',
    default: 'serverDirectory',
    meaning: 'folder that a server shares',
  },
  clientDirectory: {
    kind: 'folder',
    default: 'clientDirectory',
    meaning: 'folder that a client receives into and sends from',
  },
  receivedPrefix: {
    kind: 'prefix',
    maxBytes: 64,
    default: 'new_',
    meaning: 'text put before the name of everything received',
  },
  ifTaken: {
    kind: 'choice',
    choices: ['number', 'overwrite', 'skip', 'update'],
    default: 'number',
    meaning: 'what becomes of a file whose name is taken; update: replaces an older one',
  },
  open: {
    kind: 'choice',
    choices: ['no', 'read', 'rw'],
    bare: 'read',
    default: 'no',
    meaning: 'what machines on this network may do without a code',
  },
  mode: {
    kind: 'choice',
    choices: ['share', 'read-only', 'inbox'],
    default: 'share',
    meaning: 'what a server is for; inbox: each machine brings files to its own subfolder',
  },
  pairRights: {
    kind: 'choice',
    choices: ['read,write', 'read', 'write'],
    default: 'read,write',
    meaning: 'what a machine may do that pairs by a code',
  },
  maxClients: {
    kind: 'count',
    min: 1,
    max: 4096,
    default: 256,
    meaning: 'clients that a server serves at once; strangers have at most half of the places',
  },
  maxClientsPerAddress: {
    kind: 'count',
    min: 1,
    max: 4096,
    default: 16,
    meaning: 'clients at once from one address (IPv6: from one /64)',
  },
  maxTransfersPerClient: {
    kind: 'count',
    min: 1,
    max: 64,
    default: 8,
    meaning: 'transfers that one machine may run at once',
  },
  maxFileSize: {
    kind: 'bytes',
    min: 1,
    max: Number.MAX_SAFE_INTEGER,
    default: 1024 ** 4,
    meaning: 'largest file that is accepted',
  },
  quota: {
    kind: 'bytes',
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    default: 1024 ** 4,
    meaning: 'what one machine may bring while the server runs; all unverified ones share one',
  },
  keepFree: {
    kind: 'bytes',
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    default: 256 * 1024 ** 2,
    meaning: 'space that stays free on the disk',
  },
  logLevel: {
    kind: 'choice',
    choices: ['trace', 'debug', 'info', 'warn', 'error'],
    default: 'info',
    meaning: 'least weighty lines that the log keeps',
  },
  logSize: {
    kind: 'bytes',
    min: 64 * 1024,
    max: 1024 ** 3,
    default: 10 * 1024 ** 2,
    meaning: 'size that the log file may reach',
  },
  scanTimeout: {
    kind: 'milliseconds',
    min: 300,
    max: 10_000,
    default: 1500,
    meaning: 'time that a scan listens for answers',
  },
  connectTimeout: {
    kind: 'milliseconds',
    min: 100,
    max: 120_000,
    default: 10_000,
    meaning: 'time that a connection may take to come about',
  },
  heartbeat: {
    kind: 'milliseconds',
    min: 1000,
    max: 60_000,
    default: 15_000,
    meaning: 'silence after which the other side is pinged',
  },
  idleTimeout: {
    kind: 'milliseconds',
    min: 2000,
    max: 600_000,
    default: 35_000,
    meaning: 'silence after which the other side counts as gone; more than heartbeat',
  },
  stallTimeout: {
    kind: 'milliseconds',
    min: 1000,
    max: 600_000,
    default: 20_000,
    meaning: 'time without progress after which a transfer counts as stalled',
  },
  reconnectTimeout: {
    kind: 'milliseconds',
    min: 0,
    max: 86_400_000,
    default: 60_000,
    meaning: 'time that a broken transfer tries to reach the server again; 0: not at all',
  },
  color: {
    kind: 'choice',
    choices: ['auto', 'always', 'never'],
    default: 'auto',
    meaning: 'colours on the screen; auto: only on a terminal',
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** The name of a setting as `config.json` spells it. */
export type SettingKey = keyof typeof settingTable;

/** A complete set of values: sizes in bytes, times in milliseconds. */
export type Settings = { readonly [K in SettingKey]: ValueOf<(typeof settingTable)[K]> };

/** All names, in the order in which they are shown. */
export const settingKeys = Object.keys(settingTable) as readonly SettingKey[];

/** True for the exact name of a setting; never for what an object inherits (`constructor`). */
export function isSettingKey(name: string): name is SettingKey {
  return Object.hasOwn(settingTable, name);
}

/** One row of the table. Bounds include both ends; a name has no default, the program gives it. */
export type Setting = { readonly meaning: string } & (
  | {
      readonly kind: 'count' | 'bytes' | 'milliseconds';
      readonly min: number;
      readonly max: number;
      readonly default: number;
    }
  | {
      readonly kind: 'choice';
      readonly choices: readonly string[];
      readonly default: string;
      /** What the flag means without a value; absent: the flag needs one. */
      readonly bare?: string;
    }
  | { readonly kind: 'name'; readonly maxCharacters: number; readonly maxBytes: number }
  | { readonly kind: 'folder'; readonly default: string }
  | { readonly kind: 'prefix'; readonly maxBytes: number; readonly default: string }
);

type ValueOf<S extends Setting> = S extends { readonly choices: readonly (infer Choice)[] }
  ? Choice
  : S extends { readonly kind: 'count' | 'bytes' | 'milliseconds' }
    ? number
    : string;
