import { describe, expect, test } from 'vitest';
import type { Facts } from '#src/doctor/facts.js';
import { reasons } from '#src/doctor/reasons.js';
import {
  amber,
  facts,
  heard,
  link,
  loopback,
  port,
  report,
  running,
  server,
  stopping,
} from './facts.js';

/** As `code weight`, the first ones first. */
function told(found: Facts): string[] {
  return reasons(found).map(({ cause, weight }) => `${cause.code} ${weight}`);
}

const alone = { examination: { addresses: [loopback], offLink: [] }, neighbours: null };
const bare = { addresses: [] as string[] };
const found = { answers: [amber] };
const noNeighbours = { asked: 253, complete: true, answers: [], machines: [], more: 0 };

describe('the first finding', () => {
  test.each<[string, Facts, string]>([
    ['somebody is found', heard(found), 'fine note'],
    ['nobody is found, and another machine is there', facts(), 'no-server blocks'],
    ['not even one', facts({ neighbours: noNeighbours }), 'kept-apart blocks'],
    [
      'others are there and let nothing through',
      facts({
        neighbours: {
          ...noNeighbours,
          machines: [{ address: '192.168.1.7', tcp: { code: 'ETIMEDOUT' } }],
        },
      }),
      'kept-apart blocks',
    ],
    [
      'a network too large to ask',
      facts({ neighbours: { ...noNeighbours, complete: false } }),
      'no-server blocks',
    ],
    [
      'another machine is there, and its firewall rejects',
      facts({
        neighbours: {
          ...noNeighbours,
          machines: [{ address: '192.168.1.7', tcp: { code: 'EHOSTUNREACH' } }],
        },
      }),
      'no-server blocks',
    ],
    ['nobody looked closer', facts({ neighbours: null }), 'no-server blocks'],
    [
      'who is asked alone answers',
      facts({ neighbours: { ...noNeighbours, answers: [amber] } }),
      'broadcast-lost blocks',
    ],
    [
      'a server listens, and answers no probe',
      facts({
        neighbours: { ...noNeighbours, machines: [{ address: '192.168.1.9', tcp: 'lanpost' }] },
      }),
      'silent-servers blocks',
    ],
    [
      'nothing is up',
      facts({ examination: { addresses: [], offLink: [] } }),
      'no-interface blocks',
    ],
    [
      'only loopback',
      facts({ ...alone, links: [link({ name: 'lo', kind: 'loopback' })] }),
      'only-loopback blocks',
    ],
    [
      'switched off',
      facts({ ...alone, links: [link({ ...bare, up: false, carrier: null })] }),
      'interface-down blocks',
    ],
    [
      'no cable',
      facts({ ...alone, links: [link({ ...bare, carrier: false })] }),
      'no-carrier blocks',
    ],
    ['no address', facts({ ...alone, links: [link(bare)] }), 'no-address blocks'],
    [
      'a cable is missing, and another interface is switched off',
      facts({
        ...alone,
        links: [link({ ...bare, up: false }), link({ ...bare, name: 'eth1', carrier: false })],
      }),
      'no-carrier blocks',
    ],
    [
      'only a bridge is switched off',
      facts({ ...alone, links: [link({ ...bare, kind: 'bridge', up: false })] }),
      'only-loopback blocks',
    ],
    [
      'a rule on the way out',
      facts({ firewalls: stopping('drop', 'probe-out') }),
      'firewall-out blocks',
    ],
    [
      'a rule on the way out that only shows in an error',
      heard({ probes: [{ destination: '255.255.255.255', code: 'EPERM' }] }, { firewalls: null }),
      'firewall-out blocks',
    ],
    [
      'a rule for what comes in unasked',
      facts({ firewalls: stopping('drop', 'reply-in') }),
      'firewall-replies blocks',
    ],
    [
      'not even the own broadcast comes back',
      heard({ ownHeard: false }, { firewalls: null }),
      'firewall-replies blocks',
    ],
    [
      'the network is unreachable',
      heard({ probes: [{ destination: '255.255.255.255', code: 'ENETUNREACH' }] }),
      'send-failed blocks',
    ],
    [
      'no address can be probed from',
      heard({ bindError: 'EADDRNOTAVAIL', probes: [], ownHeard: null, ownHeardAtPort: null }),
      'send-failed blocks',
    ],
    [
      'macOS keeps this program away',
      heard(
        { probes: [{ destination: '255.255.255.255', code: 'EHOSTUNREACH' }] },
        {
          environment: {
            platform: 'darwin',
            isRoot: false,
            sudoUser: null,
            wsl: false,
            container: false,
          },
        },
      ),
      'local-network blocks',
    ],
    [
      'an answer from a strange network',
      heard({ answers: [{ ...amber, address: '192.168.9.9' }] }),
      'wrong-mask blocks',
    ],
    [
      'a probe from a strange network',
      facts({
        examination: { addresses: [loopback, report()], offLink: ['192.168.9.9'] },
        neighbours: noNeighbours,
      }),
      'wrong-mask blocks',
    ],
    [
      'the Linux inside Windows',
      facts({
        environment: {
          platform: 'linux',
          isRoot: false,
          sudoUser: null,
          wsl: true,
          container: false,
        },
        neighbours: noNeighbours,
      }),
      'wsl blocks',
    ],
  ])('%s', (_, what, first) => {
    expect(told(what)[0]).toBe(first);
  });
});

describe('a server that runs here', () => {
  const serving = {
    ownServers: [running],
    ports: [port('udp', 'shared', 7), port('tcp', 'held', 7)],
  };

  test('finds nobody else, which may be right', () => {
    expect(told(facts(serving))).toEqual(['fine note', 'no-server note']);
    expect(told(facts({ ...serving, neighbours: noNeighbours }))).toEqual([
      'kept-apart may',
      'fine note',
    ]);
  });

  test('is not found because of what comes in', () => {
    const what = facts({
      ...serving,
      firewalls: stopping('drop', 'reply-in', 'probe-in', 'tcp-in'),
    });
    expect(told(what).slice(0, 2)).toEqual(['firewall-in blocks', 'firewall-replies may']);
  });

  test('hears itself elsewhere, but not at its port', () => {
    const what = heard({ ownHeardAtPort: false }, { ...serving, firewalls: null });
    expect(told(what)[0]).toBe('firewall-in blocks');
  });

  test('is not found while another program has the port alone', () => {
    const ports = [port('udp', 'held', 9), port('tcp', 'held', 7)];
    expect(told(facts({ ...serving, ports }))[0]).toBe('port-taken blocks');
  });

  test('is not told to end itself, though it has the port over IPv6', () => {
    const ports = [port('udp', 'held', 9, 7), port('tcp', 'held', 7)];
    const [first] = reasons(facts({ ...serving, ports }));
    expect(first?.cause).toMatchObject({ code: 'port-taken', port: { holders: [{ pid: 9 }] } });
  });

  test('is found with another program that shares the port, perhaps', () => {
    const ports = [port('udp', 'shared', 9, 7), port('tcp', 'held', 7)];
    expect(told(facts({ ...serving, ports }))[0]).toBe('port-shared may');
  });

  test('of another user counts as well: it has both ports, or answers', () => {
    const firewalls = stopping('drop', 'probe-in');
    const ports = serving.ports;
    expect(told(facts({ ports, firewalls }))).toEqual(['firewall-in blocks']);
    const own = { ...amber, address: '127.0.0.1' };
    const addresses = [report({ ...loopback, answers: [own] }), report()];
    const what = facts({ examination: { addresses, offLink: [] }, firewalls });
    expect(told(what)[0]).toBe('firewall-in blocks');
  });
});

describe('what is stopped in one family only', () => {
  const both = [link({ addresses: ['192.168.1.20/24', 'fe80::20/64'] })];
  const [one, two] = ['192.168.1.20/24', 'fe80::/64'].map((network) => {
    const firewalls = stopping('drop', 'probe-in');
    const stopped = firewalls?.stopped.map((rule) => ({ ...rule, network })) ?? [];
    return { manager: null, unread: [], stopped };
  }) as [Facts['firewalls'] & object, Facts['firewalls'] & object];
  const all = { ...one, stopped: [...one.stopped, ...two.stopped] };
  const held = { ...port('udp', 'held', 9), openOverIPv6: true };
  test.each<[string, Partial<Facts>, string]>([
    ['IPv6: others come by IPv4', { firewalls: two, links: both }, 'firewall-in note'],
    ['IPv4: others may come by IPv6', { firewalls: one, links: both }, 'firewall-in may'],
    ['both: nobody comes', { firewalls: all, links: both }, 'firewall-in blocks'],
    ['IPv4, where there is no other', { firewalls: one }, 'firewall-in blocks'],
    ['the port of IPv4', { ports: [held], links: both }, 'port-taken may'],
    ['the port of both', { ports: [port('udp', 'held', 9)], links: both }, 'port-taken blocks'],
    ['the port of IPv4, the only one', { ports: [held] }, 'port-taken blocks'],
  ])('%s', (_, changes, finding) => {
    expect(told(heard(found, { ownServers: [running], ...changes }))).toContain(finding);
  });

  test('the answers over IPv6 are not missed where IPv4 brings them', () => {
    const stopped = two.stopped.map((rule) => ({ ...rule, flow: 'reply-in' as const }));
    const what = facts({ firewalls: { ...two, stopped }, links: both });
    expect(told(what)).toContain('firewall-replies note');
    expect(told(what)[0]).toBe('no-server blocks');
  });
});

test('who came by sudo hears which ports were judged', () => {
  const environment = { ...facts().environment, sudoUser: 'ann' };
  expect(told(heard(found, { environment }))).toEqual(['fine note', 'sudo note']);
});

test('a port that this user may not have keeps a server from starting; one that runs has it', () => {
  const ports = [port('udp', 'refused'), port('tcp', 'refused')];
  expect(told(heard(found, { ports }))).toEqual([
    'port-refused may',
    'port-refused may',
    'fine note',
  ]);
  expect(told(heard(found, { ports, ownServers: [running] }))).toEqual([
    'fine note',
    'port-refused note',
    'port-refused note',
  ]);
});

test('one address from which nothing may be sent does not stop the others', () => {
  const probes = [{ destination: '255.255.255.255', code: 'EPERM' }];
  const addresses = [report(), report({ address: '192.168.2.20', probes })];
  const what = facts({ examination: { addresses, offLink: [] }, firewalls: null });
  expect(told(what)).toEqual(['no-server blocks', 'firewall-out note']);
});

describe('what does not matter is only noted', () => {
  test.each<[string, Facts, string]>([
    [
      'what comes in, where nobody serves',
      heard(found, { firewalls: stopping('drop', 'probe-in') }),
      'firewall-in note',
    ],
    [
      'a port of a server, where none runs',
      heard(found, { ports: [port('udp', 'held', 9)] }),
      'port-taken note',
    ],
    ['a TCP port', heard(found, { ports: [port('tcp', 'held', 9)] }), 'tcp-taken note'],
    [
      'rules that were not seen',
      heard(found, { firewalls: { manager: null, unread: ['nft'], stopped: [] } }),
      'firewall-unread note',
    ],
    [
      'a rule that is not understood',
      heard(found, { firewalls: stopping('depends', 'reply-in') }),
      'firewall-depends note',
    ],
    ['no default route', heard(found, { routes: [] }), 'no-default-route note'],
    [
      'a VPN that carries the rest',
      heard(found, {
        routes: [{ interface: 'wg0', gateway: null }],
        links: [link(), link({ name: 'wg0', kind: 'vpn' })],
      }),
      'vpn note',
    ],
    [
      'a stranger on the wire',
      facts({ examination: { addresses: [report(found)], offLink: ['10.9.9.9'] } }),
      'wrong-mask note',
    ],
  ])('%s', (_, what, note) => {
    expect(told(what)).toEqual(['fine note', note]);
  });

  test('an idle interface, only where nobody is found', () => {
    const links = [link(), link({ ...bare, name: 'eth1', up: false })];
    expect(told(heard(found, { links }))).toEqual(['fine note']);
    expect(told(facts({ links }))).toEqual(['no-server blocks', 'interface-down note']);
  });
});

describe('silence proves nothing', () => {
  test('about the network, when this machine itself is in the way', () => {
    const firewalls = stopping('drop', 'probe-out');
    expect(told(facts({ firewalls, neighbours: noNeighbours }))).toEqual(['firewall-out blocks']);
  });

  test('about a firewall that has let the answers of others in', () => {
    const firewalls = stopping('drop', 'reply-in');
    expect(told(heard({ ...found, ownHeard: false }, { firewalls }))).toEqual(['fine note']);
  });

  test('about a firewall, on a tunnel or a bridge of containers', () => {
    for (const kind of ['vpn', 'container'] as const) {
      const links = [link(), link({ name: 'x0', kind })];
      const deaf = report({ interface: 'x0', ownHeard: false });
      const what = facts({ links, examination: { addresses: [report(), deaf], offLink: [] } });
      expect(told(what)).toEqual(['no-server blocks']);
    }
  });

  test('about masks of a server without an id, by what another one says', () => {
    const old = { ...amber, id: null };
    const answers = [old, { ...old, name: 'beryl', address: '10.0.0.9' }];
    expect(told(heard({ answers }))).toEqual(['wrong-mask blocks']);
  });

  test('about masks, when the same server also answers from our network', () => {
    const answers = [amber, { ...amber, address: '10.0.0.9' }];
    expect(told(heard({ answers }))).toEqual(['fine note']);
  });

  test('about the network, when rules were not seen: they may be in the way', () => {
    const firewalls = { manager: null, unread: ['nft'], stopped: [] };
    expect(told(facts({ firewalls }))).toEqual(['no-server blocks', 'firewall-unread may']);
  });

  test('about a container, when other machines are there', () => {
    const environment = {
      platform: 'linux',
      isRoot: true,
      sudoUser: null,
      wsl: false,
      container: true,
    } as const;
    expect(told(facts({ environment }))).toEqual(['no-server blocks']);
    expect(told(facts({ environment, neighbours: noNeighbours }))).toEqual([
      'kept-apart blocks',
      'container may',
    ]);
  });
});

describe('the server that was named', () => {
  const none = { answer: null } as const;
  test.each<[string, ReturnType<typeof server>, string]>([
    ['by both ways', server(), 'server-fine note'],
    ['by TCP alone', server(none), 'server-tcp-only blocks'],
    ['by UDP alone', server({ tcp: { code: 'ETIMEDOUT' } }), 'server-udp-only blocks'],
    [
      'by UDP, with another program at its port',
      server({ tcp: 'other' }),
      'server-udp-only blocks',
    ],
    ['another program alone', server({ ...none, tcp: 'other' }), 'server-other blocks'],
    [
      'nobody at the port',
      server({ ...none, tcp: { code: 'ECONNREFUSED' } }),
      'server-refused blocks',
    ],
    [
      'nobody at the address',
      server({ ...none, there: false, tcp: { code: 'EHOSTUNREACH' } }),
      'server-gone blocks',
    ],
    [
      'a firewall there that rejects',
      server({ ...none, there: true, tcp: { code: 'EHOSTUNREACH' } }),
      'server-silent blocks',
    ],
    [
      'no way there',
      server({ ...none, sendError: 'ENETUNREACH', tcp: { code: 'ENETUNREACH' } }),
      'server-no-route blocks',
    ],
    ['silence', server({ ...none, tcp: { code: 'ETIMEDOUT' } }), 'server-silent blocks'],
    [
      'silence, and no machine of that address',
      server({ ...none, there: false, tcp: { code: 'ETIMEDOUT' } }),
      'server-gone blocks',
    ],
    [
      'silence beyond a router',
      server({ ...none, there: null, tcp: { code: 'ETIMEDOUT' } }),
      'server-silent blocks',
    ],
    [
      'a name that nobody has',
      server({ ...none, address: null, tcp: { code: 'ENOTFOUND' } }),
      'server-unknown blocks',
    ],
  ])('%s', (_, named, code) => {
    expect(told(heard(found, { server: named }))).toContain(code);
  });

  test('a name that nobody has does not hide what is wrong with the network', () => {
    const named = server({ ...none, address: null, tcp: { code: 'ENOTFOUND' } });
    expect(told(facts({ server: named, neighbours: noNeighbours }))).toEqual([
      'server-unknown blocks',
      'kept-apart blocks',
    ]);
  });

  test('what is wrong here comes before what is wrong there', () => {
    const named = server({ answer: null, tcp: { code: 'ETIMEDOUT' } });
    const firewalls = stopping('drop', 'probe-out');
    expect(told(facts({ server: named, firewalls }))).toEqual([
      'firewall-out blocks',
      'server-silent blocks',
    ]);
  });
});

test('other systems get a hint for their firewall', () => {
  const environment = {
    platform: 'win32',
    isRoot: false,
    sudoUser: null,
    wsl: false,
    container: false,
  } as const;
  expect(told(facts({ environment, routes: null }))).toContain('firewall-hint may');
});
