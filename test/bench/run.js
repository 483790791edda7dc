// Starts the benchmark: reads the options, owns the folder in memory and whatever runs, and ends all of it.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

const usage = `usage: npm run bench -- [options]

  --quick         small files and few rounds: one or two minutes
  --only <rows>   only these rows, such as 1,5 or micro
  --node <path>   run lanpost by this Node
  --rounds <n>    rounds that count, after one that does not (5; with --quick 2)
  --out <file>    where the report goes (standard output and coverage/bench.md)
`;
const rowNames = [...Array.from({ length: 13 }, (_, index) => String(index + 1)), 'micro'];
const root = resolve(import.meta.dirname, '../..');
const defaultOut = join(root, 'coverage/bench.md');

function readOptions(words) {
  const { values } = parseArgs({
    args: words,
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', default: rowNames.join(',') },
      node: { type: 'string', default: process.execPath },
      rounds: { type: 'string' },
      out: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { quick, only, node, rounds = quick ? '2' : '5', out, help } = values;
  const rows = only.split(',').map((row) => row.trim());
  const unknown = rows.filter((row) => !rowNames.includes(row));
  if (unknown.length > 0) throw new Error(`no row "${unknown.join(',')}"; 1 to 13, or micro`);
  if (!/^[1-9]\d{0,2}$/.test(rounds)) throw new Error(`"${rounds}" is no number of rounds`);
  const answer = spawnSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  if (answer.status !== 0) throw new Error(`"${node}" does not run as Node`);
  return {
    help,
    quick,
    rows,
    node,
    nodeVersion: answer.stdout.trim(),
    rounds: Number(rounds),
    out,
  };
}

function memoryFolder() {
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  return mkdtempSync(join(parent, 'lanpost-bench-'));
}

/** Everything runs in one process group, so that nothing outlives an interrupted run. */
async function runAll(options, folder) {
  const vitest = join(root, 'node_modules/vitest/vitest.mjs');
  const words = ['run', '-c', 'test/vitest.config.ts', '--project', 'bench', '--reporter=dot'];
  const child = spawn(process.execPath, [vitest, ...words, '--disable-console-intercept'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, BENCH_OPTIONS: JSON.stringify({ ...options, folder }) },
  });
  const endGroup = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  };
  let interrupted = false;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      interrupted = true;
      endGroup();
    });
  }
  const [code] = await once(child, 'exit');
  endGroup();
  return interrupted ? 130 : (code ?? 1);
}

function publish(report, out) {
  if (!existsSync(report)) return;
  const to = out === undefined ? defaultOut : resolve(out);
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(report, to);
  if (out === undefined) process.stdout.write(readFileSync(report, 'utf8'));
}

async function main(words) {
  let options;
  try {
    options = readOptions(words);
  } catch (error) {
    process.stderr.write(`bench: ${error.message}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(usage);
    return 0;
  }
  const folder = memoryFolder();
  try {
    const code = await runAll(options, folder);
    publish(join(folder, 'report.md'), options.out);
    return code;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

process.exitCode = await main(process.argv.slice(2));
