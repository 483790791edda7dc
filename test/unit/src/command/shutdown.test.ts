import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHere } from '../../../support/program-run.js';
import { openMachine } from '../../../support/terminal-session.js';

test('an interrupt while the server takes its time to end is no fault', async () => {
  await using machine = await openMachine();
  await mkdir(join(machine.folder, 'serverDirectory'));
  const { port } = await machine.serve(['--tcp-port', '0']);
  const state = join(machine.folder, 'state');
  // The process seems to serve at another port too, and does not end there.
  const other = { pid: 1001, name: 'amber', port: 1, udpPort: 1, folder: machine.folder };
  await writeFile(join(state, 'run', '1001-other.json'), JSON.stringify(other));
  let looks = 0;
  const ending = runHere(['shutdown', '--tcp-port', String(port)], {
    state,
    more: {
      isAlive() {
        looks += 1;
        // Two to find the server; at the others it has been told to end, and is waited for.
        if (looks > 4) ending.interrupt();
        return true;
      },
    },
  });
  expect(await ending.ended).toBe(8);
  expect(ending.said()).toContain('lanpost: interrupted\n');
});
