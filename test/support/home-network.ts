import type { Host } from './hosts.js';

/** Gives a machine of a test the one address that it has in the documents, in place of those that it had. */
export function moveHome({ ip }: Pick<Host, 'ip'>, address: string): void {
  ip('addr flush dev e0', `addr add ${address}/24 brd + dev e0`);
}
