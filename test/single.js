// Builds one file that holds lanpost and Node: node test/single.js [--node <path of a Node from 25.5 on>]
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { findNode, makeExecutable, makeScript, run } from './support/single.js';

const folder = join(import.meta.dirname, '..', 'dist', 'single');
const program = join(folder, process.platform === 'win32' ? 'lanpost.exe' : 'lanpost');

try {
  const { values } = parseArgs({ options: { node: { type: 'string' } } });
  const node = await step('Node', () => findNode(values.node));
  const path = join(folder, 'lanpost.mjs');
  const script = await step('script', () => makeScript('src/main.ts', path));
  await step('executable', () => makeExecutable(node, script, program));
  await step('it says', () => run(program, ['--version']));
} catch (error) {
  process.stderr.write(`no single file was built: ${error.message}\n`);
  process.exitCode = 1;
}

async function step(name, work) {
  const result = await work();
  process.stdout.write(`${`${name}:`.padEnd(12)} ${result}\n`);
  return result;
}
