import type { Answered, Examination } from '#discovery/examine.js';
import type { Knocked } from '#sharing/knocking.js';
import type { Running } from '#src/servers/running.js';
import type { Environment } from './environment.js';
import type { FirewallFacts } from './firewall/firewalls.js';
import type { Link } from './links.js';
import type { PortFacts } from './ports.js';
import type { DefaultRoute } from './routes.js';

/** All that was looked at; null or empty where nobody looked. */
export interface Facts {
  readonly environment: Environment;
  readonly udpPort: number;
  readonly tcpPort: number;
  readonly links: readonly Link[];
  readonly examination: Examination;
  /** Servers of this user that run here, on this UDP port. */
  readonly ownServers: readonly Running[];
  readonly ports: readonly PortFacts[];
  readonly firewalls: FirewallFacts | null;
  readonly routes: readonly DefaultRoute[] | null;
  readonly neighbours: NeighbourFacts | null;
  readonly server: ServerFacts | null;
}

/** What came of asking every address of our small networks. */
export interface NeighbourFacts {
  /** How many addresses were asked. */
  readonly asked: number;
  /** No network was too large, or one too many, to be asked. */
  readonly complete: boolean;
  readonly answers: readonly Answered[];
  /** Machines that are there or were a moment ago, our default router left out, and what their TCP port says. */
  readonly machines: readonly Neighbour[];
  /** How many more are there, at which nobody knocked. */
  readonly more: number;
}

export interface Neighbour {
  readonly address: string;
  readonly tcp: Knocked;
}

/** The one server that was named. */
export interface ServerFacts {
  /** As it was typed; foreign text. */
  readonly typed: string;
  /** Null: nobody of that name is known. */
  readonly address: string | null;
  readonly port: number;
  /** Why the probe to it did not leave; null when it did. */
  readonly sendError: string | null;
  readonly answer: Answered | null;
  /** Whether a machine of our own networks has that address, as far as the system knows; null for others. */
  readonly there: boolean | null;
  readonly tcp: Knocked;
}
