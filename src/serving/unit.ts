import { shellWord } from '#src/view/shell-word.js';

/** What a unit for systemd is made of; all paths are absolute. */
export interface UnitParts {
  /** The words that start this installation. */
  readonly program: readonly string[];
  readonly folder: string;
  /** Flags for `serve`, each one word. */
  readonly flags?: readonly string[];
  /** Where a user's own service keeps its state; undefined for one of the machine, which has a place of its own. */
  readonly state: string | undefined;
  /** Of a service of the machine: whose rights it has, and whether that user has to be made first. */
  readonly user?: { readonly name: string; readonly isNew: boolean };
}

/** A unit for systemd 247 or later, of a user or of the machine (systemd.unit(5), systemd.exec(5)). */
export function serviceUnit(parts: UnitParts): string {
  const { program, folder, flags = [], state, user } = parts;
  const command = [...program, 'serve', folder, ...flags].map(quoted).join(' ');
  const home = state === undefined ? '%S/lanpost' : escaped(state);
  const lines = [
    ...(user ? systemHead(folder, user) : userHead),
    '',
    '[Unit]',
    'Description=File sharing on the local network (lanpost)',
    ...(user ? ['After=network.target'] : []),
    '',
    '[Service]',
    'Type=exec',
    // The colon: nothing in these words is a variable.
    `ExecStart=:${command}`,
    `Environment="LANPOST_HOME=${home}"`,
    ...running,
    ...(user ? systemWalls(parts, user.name) : userWalls),
    '',
    '[Install]',
    `WantedBy=${user ? 'multi-user.target' : 'default.target'}`,
  ];
  return `${lines.join('\n')}\n`;
}

const userHead = [
  '# Keep this as ~/.config/systemd/user/lanpost.service, then:',
  '#   systemctl --user daemon-reload && systemctl --user enable --now lanpost',
  '#   loginctl enable-linger    (it runs while you are not logged in, too)',
  '# It is your server as any other: lanpost pair, lanpost status, lanpost shutdown.',
];

function systemHead(
  folder: string,
  { name, isNew }: NonNullable<UnitParts['user']>,
): readonly string[] {
  const make = [
    `#   useradd --system --home-dir /var/lib/lanpost --shell /usr/sbin/nologin ${name}`,
    `#   install -d -o ${name} -g ${name} ${shellWord(folder)}`,
  ];
  return [
    '# Keep this as /etc/systemd/system/lanpost.service, then as root:',
    ...(isNew ? make : []),
    '#   systemctl daemon-reload && systemctl enable --now lanpost',
    `# Its owner is the user ${name}, so a code for a new machine, and how it stands:`,
    `#   sudo -u ${name} LANPOST_HOME=/var/lib/lanpost lanpost pair    (or: status, peers)`,
  ];
}

const running = [
  // What is under way is suspended at once, and goes on when the server is back.
  'KillSignal=SIGTERM',
  'KillMode=mixed',
  'TimeoutStopSec=15s',
  'Restart=on-failure',
  'RestartSec=5s',
  '# Settings that cannot work do not work better the next time.',
  'RestartPreventExitStatus=2',
  '# Each client needs a dozen files and sockets.',
  'LimitNOFILE=65536',
];

/** What a user's own manager can do without root. */
const userWalls = [
  'UMask=0027',
  'NoNewPrivileges=yes',
  'LockPersonality=yes',
  'RestrictRealtime=yes',
  'RestrictSUIDSGID=yes',
  'RestrictNamespaces=yes',
  '# AF_NETLINK lists the interfaces, AF_UNIX resolves names.',
  'RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX',
  'SystemCallArchitectures=native',
  'SystemCallFilter=@system-service',
  'SystemCallFilter=~@privileged @resources',
  'SystemCallErrorNumber=EPERM',
  '# Not MemoryDenyWriteExecute: Node makes machine code while it runs.',
];

function systemWalls({ folder, program, flags = [] }: UnitParts, user: string): readonly string[] {
  const values = flags.map((flag) => flag.replace(/^--[a-z-]+=/, ''));
  return [
    `User=${user}`,
    'StateDirectory=lanpost',
    'StateDirectoryMode=0700',
    'ProtectSystem=strict',
    `ReadWritePaths=${quoted(folder)}`,
    `ProtectHome=${[folder, ...program, ...values].some(isAtHome) ? 'read-only' : 'yes'}`,
    'CapabilityBoundingSet=',
    'AmbientCapabilities=',
    'PrivateDevices=yes',
    'PrivateIPC=yes',
    'PrivateTmp=yes',
    'PrivateUsers=yes',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'ProtectProc=invisible',
    'ProcSubset=pid',
    'DevicePolicy=closed',
    'RemoveIPC=yes',
    ...userWalls,
  ];
}

/** Where ProtectHome=yes shows nothing. */
function isAtHome(path: string): boolean {
  return /^\/(home|root|run\/user)(\/|$)/.test(path);
}

/** One word of a line: in quotes, with the escapes of C, and nothing in it a specifier. */
function quoted(word: string): string {
  return `"${escaped(word)}"`;
}

function escaped(word: string): string {
  return word
    .replace(/[\\"]/g, '\\$&')
    .replaceAll('%', '%%')
    .replace(/\p{Cc}/gu, (one) => {
      return `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
    });
}
