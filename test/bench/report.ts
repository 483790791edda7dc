import { cpus, release, totalmem } from 'node:os';
import { versionOf } from './programs.js';
import { goalTable, microTable, type MicroRow, type Row } from './table.js';
import type { World } from './world.js';

/** All that was measured, in Markdown. */
export function report(
  world: World,
  rows: readonly Row[],
  microRows: readonly MicroRow[],
  now: Date,
): string {
  const major = Number.parseInt(world.nodeVersion, 10);
  const parts = [
    '# lanpost: benchmark',
    facts(world, now),
    ...(rows.length > 0 ? ['## Goals', goalTable(rows, major), howToRead] : []),
    ...(microRows.length > 0 ? ['## Parts', microTable(microRows)] : []),
  ];
  return `${parts.join('\n\n')}\n`;
}

const howToRead = `Times are medians in seconds (least-most) of whole processes, from start to end. \`x\` is the median of the ratios of
each round, the peer's time over lanpost's: times as fast. MB are 10^6 bytes. Row 10: the most physical memory of a
process (VmHWM). Row 11: the sum of all rates over the rate of one client, and the slowest client's rate over the mean;
the times are those of the last client, of one client, and of the median client.`;

function facts(world: World, now: Date): string {
  const [first] = cpus();
  const facts = {
    date: now.toISOString().slice(0, 10),
    machine: `${first?.model.trim() ?? 'unknown CPU'}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: `${process.platform} ${release()}`,
    scale: world.quick ? 'quick: small files, few rounds; only a hint' : 'full',
    rounds: `${world.rounds} in turn, after one that does not count`,
    'Node of lanpost': world.nodeVersion,
    'Node of the parts': process.versions.node,
    openssl: versionOf('openssl', 'version'),
    ssh: versionOf('ssh', '-V'),
    nginx: versionOf('nginx', '-v'),
    curl: versionOf('curl', '--version'),
    rsync: versionOf('rsync', '--version'),
  };
  return Object.entries(facts)
    .map(([name, value]) => `- ${name}: ${value}`)
    .join('\n');
}
