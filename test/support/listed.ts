import type { ClientSession } from '#sharing/client.js';

/** The names in a folder of the server. */
export async function listedNames(session: ClientSession, path = ''): Promise<string[]> {
  const names: string[] = [];
  for await (const { entries } of session.list(path)) {
    names.push(...entries.map(({ name }) => name));
  }
  return names;
}
