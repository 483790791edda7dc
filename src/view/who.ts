import { shortId } from '#sharing/id.js';
import { quote } from './quote.js';

/** Who a client is to the owner of a server: a stranger may call itself by any name, so its id names it. */
export function whoText({ as, id, name }: Client): string {
  return as === 'open' ? `unverified ${shortId(id)}` : quote(name);
}

/** The same with what a stranger calls itself. */
export function whoFully(client: Client): string {
  return client.as === 'open' ? `${whoText(client)} (${quote(client.name)})` : whoText(client);
}

interface Client {
  readonly as: string;
  readonly id: string;
  readonly name: string;
}
