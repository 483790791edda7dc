import type { World } from '../world.js';
import { startNginx, type Nginx } from './nginx.js';
import { startRsync, type Rsync } from './rsync.js';
import { startSsh, type Ssh } from './ssh.js';

/** The servers that lanpost is measured against: each is started when it is first asked for. */
export interface Peers extends AsyncDisposable {
  readonly ssh: () => Promise<Ssh>;
  readonly nginx: () => Promise<Nginx>;
  readonly rsync: () => Promise<Rsync>;
}

export function openPeers(world: World): Peers {
  const started: Promise<AsyncDisposable>[] = [];
  function once<T extends AsyncDisposable>(start: () => Promise<T>): () => Promise<T> {
    let running: Promise<T> | undefined;
    return () => {
      if (running === undefined) started.push((running = start()));
      return running;
    };
  }
  return {
    ssh: once(() => startSsh(world)),
    nginx: once(() => startNginx(world)),
    rsync: once(() => startRsync(world)),
    async [Symbol.asyncDispose]() {
      for (const one of await Promise.allSettled(started)) {
        if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]();
      }
    },
  };
}
