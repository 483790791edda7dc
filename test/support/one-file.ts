import type { ClientSession, Ended, GetOptions, TransferOptions } from '#sharing/client.js';

/** How it ended well. */
export type Well = Exclude<Ended, { readonly outcome: 'failed' }>;

/** Gets what ends as one line; rejects when it fails. */
export function getOne(
  session: ClientSession,
  path: string,
  options: Omit<GetOptions, 'onEnded'>,
): Promise<Well> {
  return only((onEnded) => session.get(path, { ...options, onEnded }));
}

/** Puts what ends as one line; rejects when it fails. */
export function putOne(
  session: ClientSession,
  file: string,
  options: Omit<TransferOptions, 'onEnded'> = {},
): Promise<Well> {
  return only((onEnded) => session.put([file], { ...options, onEnded }));
}

async function only(
  transfer: (onEnded: (ended: Ended) => void) => Promise<unknown>,
): Promise<Well> {
  const all: Ended[] = [];
  await transfer((ended) => all.push(ended));
  const [one, second] = all;
  if (one?.outcome === 'failed') throw one.error;
  if (!one || second) throw new Error(`${all.length} ends in place of one`);
  return one;
}
