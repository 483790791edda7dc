import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildLan, type Host, type Lan } from '../support/hosts.js';
import { program, rules, sh, type OtherProgram } from '../support/on-host.js';
import { mayFilter } from '../support/privileges.js';
import { run, serve, type Server } from '../support/program.js';

let folder: string;
let lan: Lan;
let amber: Host;
let impostor: Host;
let coral: Host;
let servers: Server[];
let liar: OtherProgram;

/** The first probes to amber get lost, so that whoever copies its id answers first. */
function loseFirstProbes(): void {
  sh(amber, 'nft flush ruleset');
  rules(
    amber,
    `table inet late {
      chain in { type filter hook input priority 0; udp dport 30000 quota until 200 bytes drop; }
    }`,
  );
}

/** A server's port, with the id of amber and the port of a server that has another key. */
const lie = (id: string, name: string, port: number): string => `
import json, socket
four = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
four.bind(('', 30000))
print('ready', flush=True)
body = {'svc': 'lanpost', 'v': 1, 'id': '${id}', 'run': 'evilevil', 'name': '${name}', 'port': ${port}, 'code': False}
while True:
    probe, asker = four.recvfrom(2048)
    four.sendto(("${name}'s File Sharing Service\\n%s\\n" % json.dumps(body)).encode(), asker)
`;

describe.skipIf(!mayFilter())(
  'a neighbour that copies the id of a server and answers first',
  () => {
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'lanpost-copied-'));
      lan = await buildLan(folder, [
        { name: 'amber', subnets: [0] },
        { name: 'evil', subnets: [0] },
        { name: 'coral', subnets: [0] },
      ]);
      [amber, impostor, coral] = lan.hosts as [Host, Host, Host];
      for (const host of [amber, impostor]) {
        await mkdir(join(host.folder, 'serverDirectory'), { recursive: true });
      }
      await writeFile(join(amber.folder, 'serverDirectory/plan.txt'), 'the plan\n');
      await writeFile(join(impostor.folder, 'serverDirectory/trap.txt'), 'a trap\n');
      const quiet = ['--name', 'amber', '--open=rw', '--mdns', 'off'];
      servers = [
        await serve(amber, [...quiet, '--tcp-port', '30005']),
        await serve(impostor, [...quiet, '--udp-port', '30100']),
      ];
      const [{ id }, { port }] = servers as [Server, Server];
      liar = await program(impostor, ['python3', '-c', lie(id, 'amber', port)]);
      await liar.says('ready');
    });

    afterAll(async () => {
      await liar[Symbol.asyncDispose]();
      for (const server of servers) await server[Symbol.asyncDispose]();
      await lan[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    test.each([
      ['unknown', 'amber'],
      ['known', 'friend'],
    ])('is not taken for it when the key is %s', async (_, name) => {
      if (name === 'friend') await run(coral, ['peers', 'add', servers[0]!.id, name, 'read']);
      loseFirstProbes();
      const { code, stdout, stderr } = await run(coral, ['list', '--mdns', 'off', name]);
      expect(stderr).not.toContain('key');
      expect(stdout).toContain('plan.txt');
      expect(stdout).not.toContain('trap.txt');
      expect(code).toBe(0);
    });

    test('gets nothing of what goes to all', async () => {
      loseFirstProbes();
      await writeFile(join(coral.folder, 'note.txt'), 'a note\n');
      const words = ['put', 'note.txt', '--to', 'all', '--mdns', 'off'];
      const { code, stdout } = await run(coral, words);
      expect(stdout.match(/new_note\.txt/g)).toHaveLength(1);
      expect(await readdir(join(amber.folder, 'serverDirectory'))).toContain('new_note.txt');
      expect(await readdir(join(impostor.folder, 'serverDirectory'))).toEqual(['trap.txt']);
      expect(code).toBe(0);
    });

    test('at the prompt, where the last scan has shown only the copy', async () => {
      loseFirstProbes();
      const lines = 'connect friend\nrlist\nbye\nconnect friend\nrlist\nbye\n';
      const { code, stdout } = await run(coral, ['--mdns', 'off'], lines);
      expect(code).toBe(0);
      expect(stdout.match(/plan\.txt/g)).toHaveLength(2);
    });

    test('and keeps nobody from a known server whose answers to scans are filtered', async () => {
      sh(amber, 'nft flush ruleset');
      rules(
        amber,
        'table inet mute { chain in { type filter hook input priority 0; udp dport 30000 drop; }; }',
      );
      const { code, stdout } = await run(coral, ['list', '--mdns', 'off', 'friend']);
      sh(amber, 'nft flush ruleset');
      expect(stdout).toContain('plan.txt');
      expect(stdout).not.toContain('trap.txt');
      expect(code).toBe(0);
    });

    test('is still a hard stop when nobody with the right key is there', async () => {
      amber.cable(0, 'down');
      const { code, stderr } = await run(coral, ['list', '--mdns', 'off', 'friend']);
      amber.cable(0, 'up');
      expect(code).toBe(4);
      expect(stderr).toContain('key');
    });
  },
);
