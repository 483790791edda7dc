import { getResponder, type CiaoService } from '@homebridge/ciao';
import { parentPort, workerData } from 'node:worker_threads';
import type { Order, WorkerMessage } from './ciao-order.js';
import { serviceType } from './service.js';

// Runs in a thread of its own; see announcing.ts for why.
const { interfaces, name, host, port, facts } = workerData as Order;

const responder = getResponder({ interface: [...interfaces] });
const service = responder.createService({
  name,
  type: serviceType,
  hostname: host,
  port,
  txt: { ...facts },
});

function say(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

/** The name changes when a machine appears that has it already. */
function follow(announced: CiaoService): void {
  let current = name;
  announced.on('name-change', (changed: string) => {
    current = changed;
    say({ kind: 'announced', name: current });
  });
  announced.advertise().then(
    () => {
      if (current === name) say({ kind: 'announced', name });
    },
    (error: unknown) => {
      say({ kind: 'failed', reason: String(error) });
    },
  );
}

parentPort?.once('message', () => {
  const done = (): void => {
    say({ kind: 'stopped' });
  };
  responder.shutdown().then(done, done);
});
follow(service);
