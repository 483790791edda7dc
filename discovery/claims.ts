import type { FoundServer, Reply } from './peers.js';

/** What one reply says, addresses aside. */
export type Claim = Omit<FoundServer, 'addresses' | 'marks'> & { readonly newer: boolean };

const legacyTcpPort = 30001;

export function claimOf(reply: Reply): Claim {
  if (reply.kind === 'announcement') return { ...reply.announcement, newer: reply.newer };
  const { name } = reply;
  return { id: null, run: null, name, port: legacyTcpPort, code: null, newer: false };
}

/** Equal for replies that make one row. `address`: where one came from; of a legacy row the only one. */
export function keyOf(
  { id, run, name, port, code }: Omit<Claim, 'newer'>,
  address: string,
): string {
  return JSON.stringify(id === null ? [address, name] : [id, run, name, port, code]);
}

export function shownClaim({
  id,
  run,
  name,
  port,
  code,
}: Claim): Omit<FoundServer, 'addresses' | 'marks'> {
  return { id, run, name, port, code };
}
