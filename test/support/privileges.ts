import { spawnSync } from 'node:child_process';

/**
 * Whether this process may build network namespaces: root on Linux, with `ip` at hand. A test that
 * needs them is skipped aloud; on a Linux machine of continuous integration it fails instead, so
 * that nobody takes a skipped test for a passed one.
 */
export const privileged: boolean = mayBuildNamespaces();

function mayBuildNamespaces(): boolean {
  const reason = whyNot();
  if (reason === null) return true;
  if (process.env['CI'] && process.platform === 'linux') {
    throw new Error(`network namespaces are needed here: ${reason}`);
  }
  process.stderr.write(`skipped: tests with network namespaces (${reason})\n`);
  return false;
}

function whyNot(): string | null {
  if (process.platform !== 'linux') return `this is ${process.platform}, they need Linux`;
  if (process.getuid?.() !== 0) return 'not root';
  const name = `lp${process.pid}try`;
  const made = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (made.error) return '`ip` of iproute2 is missing';
  if (made.status !== 0) return made.stderr.trim();
  spawnSync('ip', ['netns', 'delete', name]);
  return null;
}
