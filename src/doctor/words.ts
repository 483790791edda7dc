import { quote } from '#src/view/quote.js';
import type { Cause } from './causes.js';
import { openAll, stoppedLines } from './firewall-words.js';
import type { Stopped } from './firewall/firewalls.js';
import { familyOf } from './firewall/packet.js';
import type { Holder, PortFacts } from './ports.js';
import { reaching, serverWords } from './server-words.js';
import { shellWord } from '#src/view/shell-word.js';

/** What a person reads of a cause. */
export interface Words {
  /** Without capital and full stop. */
  readonly sentence: string;
  readonly details: readonly string[];
  /** What mends it when it is typed here, in this order; none where nothing typed here can. */
  readonly commands: readonly string[];
}

export interface Place {
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  readonly udpPort: number;
  readonly tcpPort: number;
  readonly atPrompt: boolean;
}

/** The one table of words for what doctor, `scan --explain` and a scan that finds nothing have to say. */
export function wordsOf(cause: Cause, place: Place): Words {
  const { udpPort, tcpPort } = place;
  const reached = reaching('<address>', place);
  switch (cause.code) {
    case 'no-interface':
      return words('no network interface is up', ['switch the network on']);
    case 'interface-down': {
      const which = listOf(cause.names);
      const commands = cause.names.map((name) => upCommand(name, place));
      return words(`the network is switched off: ${which} is down`, [], commands);
    }
    case 'no-carrier': {
      const what = cause.wireless
        ? 'joined to no wireless network'
        : 'without a cable, or what is at its other end is off';
      return words(`${listOf(cause.names)} is ${what}`, ['join a network, or plug the cable in']);
    }
    case 'no-address':
      return words(`${listOf(cause.names)} is on, but has no address`, [
        'usually a router gives one; without a router, give each machine one of the same network by hand',
      ]);
    case 'only-loopback':
      return words('this machine is on no network', ['it finds only servers that run on itself']);
    case 'local-network':
      return words('macOS does not let this program onto the local network', [
        'System Settings, Privacy & Security, Local Network: allow the terminal that lanpost runs in',
        'a terminal opened by another program (an editor, tmux) needs a permission of its own',
      ]);
    case 'firewall-out':
      return words(
        `the firewall of this machine lets no probe out${overIPv6(cause.stopped)}`,
        cause.stopped.length > 0
          ? stoppedLines(cause.stopped)
          : [`the system refuses to send to UDP ${udpPort} (EPERM)`, ...asRoot(place)],
        openAll(cause.stopped, cause.manager, place),
      );
    case 'firewall-replies':
      return words(
        `the firewall of this machine keeps the answers of servers out${overIPv6(cause.stopped)}`,
        [
          ...stoppedLines(cause.stopped),
          ...(cause.unheard.length > 0
            ? [`on ${listOf(cause.unheard)} it does not even hear its own broadcast`]
            : []),
          'an answer comes from a machine that was not asked by its address, so the firewall takes it for a stranger',
          ...(cause.stopped.length > 0 ? [] : asRoot(place)),
        ],
        openAll(cause.stopped, cause.manager, place),
      );
    case 'firewall-in': {
      const flows = new Set(cause.stopped.map(({ flow }) => flow));
      const isFound =
        cause.unheard.length === 0 && !flows.has('probe-in') && !flows.has('reply-out');
      return words(
        `the firewall of this machine keeps others from ${isFound ? 'reaching' : 'finding'} a server here${overIPv6(cause.stopped)}`,
        [
          ...stoppedLines(cause.stopped),
          ...(cause.unheard.length > 0
            ? [
                `on ${listOf(cause.unheard)} this machine does not hear its own broadcast at UDP ${udpPort}`,
              ]
            : []),
          ...(cause.stopped.length > 0 ? [] : asRoot(place)),
        ],
        openAll(cause.stopped, cause.manager, place),
      );
    }
    case 'send-failed':
      return words(
        'the system does not send our probes',
        cause.errors.map(({ address, code }) => `from ${quote(address)}: ${quote(code)}`),
      );
    case 'port-taken':
      return words(
        `UDP port ${cause.port.port} is taken by ${holderText(cause.port)}: a server here is ${cause.port.openOverIPv6 ? 'found over IPv6 only' : 'not found'}`,
        ['it is still reached by its address', ...hiddenHolder(cause.port, place)],
        stopCommands(cause.port, place),
      );
    case 'port-shared':
      return words(`UDP port ${cause.port.port} is shared by ${holderText(cause.port)}`, [
        'a server here is found by broadcast; a probe to its address alone may reach the other program',
      ]);
    case 'port-refused':
      return words(
        `this user may not have ${cause.port.protocol.toUpperCase()} port ${cause.port.port}: no server can start with it`,
        ['many systems keep ports below 1024 for root, and some keep others: choose another one'],
      );
    case 'tcp-taken':
      return words(`TCP port ${cause.port.port} is taken by ${holderText(cause.port)}`, [
        'lanpost serve takes the next free one and says which; scan shows it',
        ...hiddenHolder(cause.port, place),
      ]);
    case 'wrong-mask':
      return words(
        `${listOf(cause.others)} is on this network, but its address is in none of the networks of this machine`,
        [
          `this machine: ${listOf(cause.own)}`,
          'one of the two has a wrong address or mask: both have to be in one network',
        ],
      );
    case 'broadcast-lost':
      return words('servers answer when they are asked one by one, but not to a broadcast', [
        ...cause.servers
          .slice(0, 8)
          .map(({ name, address, port }) => `${quote(name)} at ${quote(address)} port ${port}`),
        `a switch, an access point or their firewall keeps broadcasts away; their address works: ${reached}`,
      ]);
    case 'silent-servers':
      return words('servers listen here by TCP, but do not answer probes', [
        `${listOf(cause.addresses)}: there a firewall keeps UDP ${udpPort} closed, or another program has it; lanpost doctor there says which`,
        `their address works: ${reached}`,
      ]);
    case 'wsl':
      return words('this is the Linux inside Windows, whose network keeps broadcasts away', [
        `run lanpost in Windows itself, or type the address: ${reached}`,
      ]);
    case 'kept-apart':
      return words(
        cause.silent.length > 0
          ? 'no other machine on this network lets anything through'
          : 'no other machine can be heard on this network',
        [
          ...(cause.silent.length > 0 ? [`known, but silent: ${listOf(cause.silent)}`] : []),
          'the switch or access point keeps the machines apart: look for "client isolation", "guest network", "port isolation"',
          cause.silent.length > 0
            ? 'or their firewalls drop everything'
            : 'or the other machine is off, on another network, or in a network of other numbers',
        ],
      );
    case 'no-server':
      return words(
        cause.machines === null
          ? 'nobody answers on this network'
          : `${cause.machines} other machine${cause.machines === 1 ? ' is' : 's are'} on this network, and no server answers`,
        [
          `is lanpost serve running on the other machine, on the same network, with UDP ${udpPort} let through?`,
          'lanpost doctor on the other machine says whether something stands in the way there',
        ],
      );
    case 'container':
      return words('this is a container: broadcasts of its own network do not leave the machine', [
        'run it on the network of the machine: --network host',
      ]);
    case 'firewall-depends':
      return words('a firewall rule may be in the way', [...stoppedLines(cause.stopped)]);
    case 'firewall-unread':
      return place.isRoot
        ? words(`the rules of ${listOf(cause.programs)} could not be read`, [])
        : words(
            `the rules of ${listOf(cause.programs)} can only be seen by root`,
            [],
            [rootCommand(place)],
          );
    case 'firewall-hint':
      return words(
        'the firewall of this system may have to let lanpost through',
        otherSystem(place),
      );
    case 'sudo':
      return words(`run by sudo: UDP ${udpPort} and TCP ${tcpPort} were judged`, [
        `the settings and servers of ${quote(cause.user)} are not root's; with other ports: --udp-port, --tcp-port, or LANPOST_HOME`,
      ]);
    case 'vpn':
      return words(`a VPN (${quote(cause.name)}) carries all that leaves this network`, [
        'some also keep the local network away: look for "allow LAN" in its settings',
      ]);
    case 'no-default-route':
      return words('there is no default route, which lanpost does not need inside one network', []);
    case 'fine':
      return words(
        cause.servers === 0
          ? 'nothing stands in the way'
          : `nothing stands in the way: ${cause.servers} other server${cause.servers === 1 ? '' : 's'} found`,
        [],
      );
    default:
      return serverWords(cause.code, cause.server, place);
  }
}

/** IPv4 is the usual way, and needs no word. */
function overIPv6(stopped: readonly Stopped[]): string {
  const isThat = stopped.length > 0 && stopped.every(({ network }) => familyOf(network) === 'ip6');
  return isThat ? ' over IPv6' : '';
}

function words(
  sentence: string,
  details: readonly string[],
  commands: readonly string[] = [],
): Words {
  return { sentence, details, commands };
}

function listOf(names: readonly string[]): string {
  const shown = names.slice(0, 6).map(quote).join(', ');
  return names.length > 6 ? `${shown} and ${names.length - 6} more` : shown;
}

function upCommand(name: string, { platform, isRoot }: Place): string {
  const sudo = isRoot ? '' : 'sudo ';
  if (platform === 'win32') return `netsh interface set interface "${quote(name)}" enable`;
  const word = shellWord(name);
  const command = platform === 'linux' ? `ip link set ${word} up` : `ifconfig ${word} up`;
  return `${sudo}${command}`;
}

/** What only root can see; elsewhere than on Linux no rules are read. */
function asRoot(place: Place): readonly string[] {
  return place.isRoot || place.platform !== 'linux'
    ? []
    : [`run it as root to see the rules: ${rootCommand(place)}`];
}

/** Root has settings of its own, so the ports in effect are said. */
function rootCommand({ udpPort, tcpPort }: Place): string {
  const udp = udpPort === usualUdpPort ? '' : ` --udp-port ${udpPort}`;
  const tcp = tcpPort === usualTcpPort ? '' : ` --tcp-port ${tcpPort}`;
  return `sudo lanpost doctor${udp}${tcp}`;
}

const usualUdpPort = 30_000;
const usualTcpPort = 30_001;

function holderText({ holders }: PortFacts): string {
  const [first, second] = holders;
  if (first === undefined) return 'another program';
  return second === undefined ? oneHolder(first) : holders.map(oneHolder).join(', ');
}

function oneHolder({ program, pid }: Holder): string {
  return `${program === '' ? 'another program' : quote(program)} (process ${pid})`;
}

function hiddenHolder({ hidden, holders }: PortFacts, place: Place): readonly string[] {
  if (!hidden || holders.length > 0) return [];
  return place.isRoot ? [] : [`run it as root to see which program: ${rootCommand(place)}`];
}

function stopCommands({ holders }: PortFacts, { platform }: Place): readonly string[] {
  // The first process holds ports for services that it starts: to end it is no help.
  return holders
    .filter(({ pid }) => pid > 1)
    .map(({ pid }) => (platform === 'win32' ? `taskkill /PID ${pid}` : `kill ${pid}`));
}

function otherSystem({ platform, udpPort, tcpPort }: Place): readonly string[] {
  if (platform === 'win32') {
    return [
      'in a terminal of an administrator:',
      `netsh advfirewall firewall add rule name="lanpost UDP" dir=in action=allow protocol=UDP localport=${udpPort} profile=private`,
      `netsh advfirewall firewall add rule name="lanpost TCP" dir=in action=allow protocol=TCP localport=${tcpPort} profile=private`,
      'and the network has to be a private one; its name is in Get-NetConnectionProfile:',
      'Set-NetConnectionProfile -InterfaceAlias "<name>" -NetworkCategory Private',
    ];
  }
  return [
    'sudo /usr/libexec/ApplicationFirewall/socketfilterfw --add "$(which node)"',
    'sudo /usr/libexec/ApplicationFirewall/socketfilterfw --unblockapp "$(which node)"',
  ];
}
