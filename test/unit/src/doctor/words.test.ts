import { describe, expect, test } from 'vitest';
import { causeOrder, type Cause, type CauseCode } from '#src/doctor/causes.js';
import { wordsOf } from '#src/doctor/words.js';
import { amber, port, server, stopping } from './facts.js';

const evil = 'a\u001b[2J\u202eb';
const stopped = stopping('drop', 'probe-in', 'tcp-in')?.stopped ?? [];
const rules = { stopped, manager: null };

/** One of each, with foreign text wherever there is any. */
const causes: { readonly [Code in CauseCode]: Extract<Cause, { code: Code }> | Cause } = {
  'no-interface': { code: 'no-interface' },
  'interface-down': { code: 'interface-down', names: [evil] },
  'no-carrier': { code: 'no-carrier', names: [evil], wireless: true },
  'no-address': { code: 'no-address', names: [evil] },
  'only-loopback': { code: 'only-loopback' },
  'local-network': { code: 'local-network' },
  'firewall-out': { code: 'firewall-out', ...rules },
  'firewall-replies': { code: 'firewall-replies', ...rules, unheard: [evil] },
  'firewall-in': {
    code: 'firewall-in',
    manager: null,
    unheard: [evil],
    stopped: stopped.map((one) => ({
      ...one,
      rule: evil,
      chain: { family: evil, table: evil, name: evil },
    })),
  },
  'send-failed': { code: 'send-failed', errors: [{ address: evil, code: evil }] },
  'port-taken': {
    code: 'port-taken',
    port: { ...port('udp', 'held'), holders: [{ pid: 7, program: evil }] },
  },
  'port-shared': {
    code: 'port-shared',
    port: { ...port('udp', 'shared'), holders: [{ pid: 7, program: evil }] },
  },
  'tcp-taken': {
    code: 'tcp-taken',
    port: { ...port('tcp', 'held'), holders: [{ pid: 7, program: evil }] },
  },
  'port-refused': { code: 'port-refused', port: port('udp', 'refused') },
  'wrong-mask': { code: 'wrong-mask', own: ['10.0.0.1/24'], others: [evil] },
  'broadcast-lost': { code: 'broadcast-lost', servers: [{ ...amber, name: evil }] },
  'silent-servers': { code: 'silent-servers', addresses: [evil] },
  wsl: { code: 'wsl' },
  'kept-apart': { code: 'kept-apart', silent: [evil] },
  'no-server': { code: 'no-server', machines: 2 },
  container: { code: 'container' },
  'firewall-depends': { code: 'firewall-depends', stopped },
  'firewall-unread': { code: 'firewall-unread', programs: ['nft'] },
  'firewall-hint': { code: 'firewall-hint' },
  vpn: { code: 'vpn', name: evil },
  'no-default-route': { code: 'no-default-route' },
  fine: { code: 'fine', servers: 1 },
  'server-unknown': { code: 'server-unknown', server: server({ typed: evil, address: null }) },
  'server-no-route': { code: 'server-no-route', server: server() },
  'server-gone': { code: 'server-gone', server: server({ address: null, typed: evil }) },
  'server-refused': { code: 'server-refused', server: server() },
  'server-silent': { code: 'server-silent', server: server() },
  'server-other': { code: 'server-other', server: server() },
  'server-udp-only': {
    code: 'server-udp-only',
    server: server({ answer: { ...amber, name: evil } }),
  },
  'server-tcp-only': { code: 'server-tcp-only', server: server() },
  sudo: { code: 'sudo', user: evil },
  'server-fine': { code: 'server-fine', server: server({ answer: { ...amber, name: evil } }) },
};

const ports = { udpPort: 30_000, tcpPort: 30_001 };
const root = { platform: 'linux', isRoot: true, atPrompt: false, ...ports } as const;
const user = { ...root, isRoot: false };

describe.each(Object.values(causes).map((cause) => [cause.code, cause] as const))(
  '%s',
  (_, cause) => {
    test.each(['linux', 'darwin', 'win32'] as const)(
      'says it in one plain sentence: %s',
      (platform) => {
        const { sentence, details, commands } = wordsOf(cause, { ...user, platform });
        expect(sentence).toMatch(/^\S.*[^.\s]$/);
        for (const text of [sentence, ...details, ...commands]) {
          expect(text).not.toMatch(/[\p{Cc}\p{Cf}]|undefined|\[object/u);
        }
      },
    );
  },
);

test('the order holds each cause once, and nothing else', () => {
  expect(new Set(causeOrder)).toEqual(new Set(Object.keys(causes)));
  expect(causeOrder).toHaveLength(Object.keys(causes).length);
});

test('a command is typed as it is by root, and with sudo by others; each once', () => {
  const cause: Cause = {
    code: 'firewall-in',
    ...rules,
    stopped: [...stopped, ...stopped],
    unheard: [],
  };
  const commands = [
    'nft insert rule inet guard inward ip saddr 192.168.1.0/24 udp dport 30000 accept',
    'nft insert rule inet guard inward ip saddr 192.168.1.0/24 tcp dport 30001 accept',
  ];
  expect(wordsOf(cause, root).commands).toEqual(commands);
  expect(wordsOf(cause, user).commands).toEqual(commands.map((line) => `sudo ${line}`));
});

test('the rule that decides is named with its place, and what it stops', () => {
  const { details } = wordsOf({ code: 'firewall-in', ...rules, unheard: [] }, root);
  expect(details).toEqual([
    'nft, table inet guard, chain inward: policy drop  (probes of others and connections from others are stopped by it)',
  ]);
});

test.each([
  ['linux', 'sudo ip link set eth0 up'],
  ['darwin', 'sudo ifconfig eth0 up'],
  ['win32', 'netsh interface set interface "eth0" enable'],
] as const)('an interface is switched on in the words of %s', (platform, command) => {
  const cause: Cause = { code: 'interface-down', names: ['eth0'] };
  expect(wordsOf(cause, { ...user, platform }).commands).toEqual([command]);
});

test('without root, what root would add', () => {
  const cause: Cause = { code: 'firewall-out', stopped: [], manager: null };
  const hint = 'run it as root to see the rules: sudo lanpost doctor';
  expect(wordsOf(cause, user).details).toContain(hint);
  expect(wordsOf(cause, root).details).not.toContain(hint);
  const elsewhere = { ...user, udpPort: 30_005, tcpPort: 30_002 };
  expect(wordsOf(cause, elsewhere).details).toContain(`${hint} --udp-port 30005 --tcp-port 30002`);
});

test('who is there and rejects is not called off or elsewhere', () => {
  const silent = server({ answer: null, tcp: { code: 'EHOSTUNREACH' } });
  expect(wordsOf({ code: 'server-silent', server: silent }, root).details).toEqual([
    'it is there, and its firewall rejects both; lanpost doctor there says more',
  ]);
});

test.each([
  [30_001, /^it says itself that it is there, so a firewall there rejects TCP 30001;/],
  [30_002, /^nothing listens at that port: the server says that it is at 30002$/],
])('a refused connection to a server that says it is at port %i', (port, why) => {
  const refused = server({ answer: { ...amber, port }, tcp: { code: 'ECONNREFUSED' } });
  expect(wordsOf({ code: 'server-udp-only', server: refused }, root).details).toEqual([
    expect.stringMatching(why),
  ]);
});

test.each([
  [true, 'connect 192.168.1.9:30001', 'connect <address>'],
  [false, 'lanpost list 192.168.1.9:30001', 'lanpost list <address>'],
])('a step is named by a verb of where it is said; at the prompt: %s', (atPrompt, its, any) => {
  const said = (cause: Cause): string => wordsOf(cause, { ...root, atPrompt }).details.join('\n');
  expect(said({ code: 'server-tcp-only', server: server() })).toContain(`works: ${its}`);
  expect(said({ code: 'silent-servers', addresses: ['192.168.1.9'] })).toContain(`works: ${any}`);
  expect(said({ code: 'broadcast-lost', servers: [] })).toContain(`works: ${any}`);
  expect(said({ code: 'wsl' })).toContain(`the address: ${any}`);
});

test('the port that was looked at is named, not the one that a server has taken instead', () => {
  const elsewhere = { ...root, udpPort: 30_005, tcpPort: 30_002 };
  const said = (code: 'port-taken' | 'port-shared' | 'tcp-taken'): string => {
    const looked = port(code === 'tcp-taken' ? 'tcp' : 'udp', 'held', 9);
    return wordsOf({ code, port: looked }, elsewhere).sentence;
  };
  expect(said('tcp-taken')).toBe('TCP port 30001 is taken by socat (process 9)');
  expect(said('port-taken')).toMatch(/^UDP port 30000 is taken by socat/);
  expect(said('port-shared')).toMatch(/^UDP port 30000 is shared by socat/);
});

test('root is not sent to root when rules could not be read', () => {
  const cause: Cause = { code: 'firewall-unread', programs: ['nft'] };
  expect(wordsOf(cause, root)).toEqual({
    sentence: 'the rules of nft could not be read',
    details: [],
    commands: [],
  });
  expect(wordsOf(cause, user)).toMatchObject({
    sentence: 'the rules of nft can only be seen by root',
    commands: ['sudo lanpost doctor'],
  });
});

test('where no rules are read, root would see none either', () => {
  const cause: Cause = { code: 'firewall-replies', ...rules, stopped: [], unheard: ['en0'] };
  const { details } = wordsOf(cause, { ...user, platform: 'darwin' });
  expect(details.filter((line) => line.includes('root'))).toEqual([]);
});

test('what is stopped over IPv6 alone is called so', () => {
  const six = stopped.map((one) => ({ ...one, network: 'fe80::/64' }));
  const said = (some: typeof stopped): string =>
    wordsOf({ code: 'firewall-in', ...rules, stopped: some, unheard: [] }, root).sentence;
  expect(said(six)).toMatch(/finding a server here over IPv6$/);
  expect(said([...six, ...stopped])).toMatch(/finding a server here$/);
});
