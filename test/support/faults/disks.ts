import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** Part of the disk that is there anyway, one in memory of so many MiB, or an ext4 image of so many. */
export type DiskPlan =
  { readonly kind: 'plain' } | { readonly kind: 'memory' | 'image'; readonly size: number };

/** What files arrive on. */
export interface Disk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly folder: string;
  /** Brings everything to the disk. */
  sync(): void;
  /** Copies an image as it is now, which is what a power cut would leave. */
  copy(): Promise<Copy>;
}

export interface Copy {
  /** Mounts it in the place of the disk; nobody may use that any more. */
  mount(): Promise<void>;
}

export async function makeDisk(base: string, plan: DiskPlan): Promise<Disk> {
  const folder = join(base, 'disk');
  await mkdir(folder, { recursive: true });
  let image = join(base, 'disk.0');
  let copies = 0;
  const unmount = (): void => {
    spawnSync('umount', ['--lazy', folder], { stdio: 'ignore' });
  };

  function mount(): void {
    if (plan.kind === 'plain') return;
    if (plan.kind === 'memory') {
      const options = `size=${plan.size}m,mode=755`;
      execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'lanpost', folder]);
    } else {
      // Nothing is written by the clock: what nobody has synced is lost.
      execFileSync('mount', ['-o', 'loop,noatime,commit=600', image, folder]);
    }
  }

  if (plan.kind === 'image') {
    execFileSync('truncate', ['-s', `${plan.size}M`, image]);
    const settings = 'lazy_itable_init=0,lazy_journal_init=0';
    execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', '-E', settings, image]);
  }
  mount();
  if (plan.kind !== 'plain') process.once('exit', unmount);

  return {
    folder,
    sync() {
      execFileSync('sync', ['-f', folder]);
    },
    copy() {
      copies += 1;
      const next = join(base, `disk.${copies}`);
      execFileSync('cp', ['--reflink=auto', '--sparse=always', image, next]);
      return Promise.resolve({
        async mount() {
          await unmountWhenFree(folder);
          await rm(image);
          image = next;
          mount();
        },
      });
    },
    async [Symbol.asyncDispose]() {
      process.off('exit', unmount);
      if (plan.kind !== 'plain') unmount();
      await rm(base, { recursive: true, force: true });
    },
  };
}

/** A process that was killed lets go of its files a moment later. */
async function unmountWhenFree(folder: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (spawnSync('umount', [folder], { stdio: 'ignore' }).status === 0) return;
    await delay(50);
  }
  throw new Error(`${folder} stays in use`);
}
