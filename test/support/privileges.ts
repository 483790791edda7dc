import { spawnSync } from 'node:child_process';

/**
 * Whether this process may build network namespaces: root on Linux, with `ip` at hand. A test that
 * needs them is skipped aloud; on Linux with SKIP_NOTHING it fails instead, so that nobody takes a
 * skipped test for a passed one.
 */
export const privileged: boolean = isThere('network namespaces', whyNot());

/** Whether it may also break calls, links and disks; only looked at where that is needed. */
export function mayBreak(): boolean {
  return privileged && isThere('broken calls', whyNoFaults());
}

/** Whether a real avahi can be asked; only looked at where that is needed. */
export function mayAskAvahi(): boolean {
  return (
    privileged &&
    isThere(
      'avahi',
      missingOf(
        ['avahi-daemon', 'avahi-browse', 'avahi-publish', 'dbus-daemon', 'unshare'],
        '--version',
      ),
    )
  );
}

/** Whether it may also put rules into firewalls, and has other programs to stand in the way. */
export function mayFilter(): boolean {
  return (
    privileged && isThere('firewalls', missingOf(['nft', 'iptables', 'bridge', 'socat', 'setpriv']))
  );
}

/** Whether somebody can be seen to type into this shell; only looked at where that is needed. */
export function mayTypeInto(shell: string): boolean {
  return isThere(`the shell ${shell}`, elsewhere() ?? missingOf(['script', shell], '--version'));
}

/** Whether terminals can be made, for programs that are to have one. */
export function mayOpenTerminals(): boolean {
  return isThere('terminals', elsewhere() ?? missingOf(['script'], '--version'));
}

/** Whether the calls of a program can be read. */
export function mayTrace(): boolean {
  return isThere('calls of programs', missingOf(['strace']));
}

/** Whether systemd can be asked what it thinks of a unit. */
export function mayJudgeUnits(): boolean {
  return isThere('units of systemd', missingOf(['systemd-analyze'], '--version'));
}

/** Whether manuals can be shown and checked as on other machines. */
export function mayReadManuals(): boolean {
  return isThere('manuals', elsewhere() ?? missingOf(['man', 'mandoc'], '--version'));
}

/** Whether the programs that keep rules for people are here too; only looked at where that is needed. */
export function mayManageFirewalls(): boolean {
  return (
    mayFilter() &&
    isThere(
      'ufw and firewalld',
      missingOf(['ufw', 'firewalld', 'firewall-cmd', 'dbus-daemon', 'unshare'], '--version'),
    )
  );
}

/** Whether an image of a disk can be mounted: not everywhere, root or not. */
export function mayMountImages(): boolean {
  if (spawnSync('losetup', ['--find'], { stdio: 'ignore' }).status === 0) return true;
  process.stderr.write('skipped: tests with images of disks (no loop device is free)\n');
  return false;
}

/** False, and said, where `reason` stands in the way of tests with `what`. */
export function isThere(what: string, reason: string | null): boolean {
  if (reason === null) return true;
  if (process.env['SKIP_NOTHING'] && process.platform === 'linux') {
    throw new Error(`${what} are needed here: ${reason}`);
  }
  process.stderr.write(`skipped: tests with ${what} (${reason})\n`);
  return false;
}

function elsewhere(): string | null {
  return process.platform === 'linux' ? null : `this is ${process.platform}`;
}

function whyNoFaults(): string | null {
  return missingOf(['strace', 'tc', 'ss', 'prlimit', 'mkfs.ext4', 'losetup']);
}

function missingOf(tools: readonly string[], switched = '-V'): string | null {
  const missing = tools.filter((tool) => spawnSync(tool, [switched], { stdio: 'ignore' }).error);
  return missing.length > 0 ? `${missing.join(', ')} missing` : null;
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
