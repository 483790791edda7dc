// Runs in a thread of its own; ciao.ts says why.
import { getResponder, type CiaoService } from '@homebridge/ciao';
import { parentPort, workerData } from 'node:worker_threads';
import type { Order, WorkerMessage } from './ciao-order.js';
import { serviceType } from './service.js';

const { interfaces, name, host, port, facts } = workerData as Order;
const onConsole = (...words: readonly unknown[]): void => {
  say({ kind: 'trouble', words: words.map(String).join(' ') });
};
Object.assign(globalThis.console, {
  log: onConsole,
  info: onConsole,
  warn: onConsole,
  error: onConsole,
});

const responder = getResponder({ interface: [...interfaces] });
parentPort?.once('message', () => {
  const done = (): void => {
    say({ kind: 'stopped' });
  };
  responder.shutdown().then(done, done);
});
announce(
  responder.createService({ name, type: serviceType, hostname: host, port, txt: { ...facts } }),
);

function announce(service: CiaoService): void {
  let current = name;
  // It changes while a free one is looked for, and whenever a machine appears that has it already.
  service.on('name-change', (changed: string) => {
    current = changed;
    say({ kind: 'announced', name: current });
  });
  service.advertise().then(
    () => {
      if (current === name) say({ kind: 'announced', name });
    },
    (error: unknown) => {
      say({ kind: 'failed', reason: String(error) });
    },
  );
}

function say(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}
