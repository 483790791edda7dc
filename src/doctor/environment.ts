import type { System } from '#src/process/system.js';

/** Where this program runs, as far as it matters to a network. */
export interface Environment {
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  /** The Linux inside Windows. */
  readonly wsl: boolean;
  readonly container: boolean;
  /** Foreign text; see System. */
  readonly sudoUser: string | null;
}

export async function readEnvironment(system: System): Promise<Environment> {
  const { platform, isRoot, sudoUser, release } = system;
  return {
    platform,
    isRoot,
    sudoUser,
    wsl: platform === 'linux' && /microsoft|wsl/i.test(release),
    container: platform === 'linux' && (await isContainer(system)),
  };
}

/** Docker and Podman leave a mark at the root; the first process knows what Kubernetes and LXC do not show. */
async function isContainer(system: System): Promise<boolean> {
  const marks = await Promise.all(
    ['/.dockerenv', '/run/.containerenv'].map((path) => system.readText(path)),
  );
  if (marks.some((mark) => mark !== null)) return true;
  const groups = (await system.readText('/proc/1/cgroup')) ?? '';
  return /docker|containerd|kubepods|libpod|lxc/.test(groups);
}
