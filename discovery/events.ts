/** Who opened the socket an event speaks of. */
export type SocketRole = 'responder' | 'scanner' | 'mdns';

/** Why a datagram that reached the responder was not answered (PROTOCOL.md, Responder). */
export type DropReason =
  | 'malformed'
  | 'source-port-zero'
  | 'off-link'
  | 'already-waiting'
  | 'source-budget'
  | 'global-budget'
  | 'inbox-full';

/** How often each word (a drop reason, an error code) occurred. */
export type Tally<Word extends string = string> = Readonly<Partial<Record<Word, number>>>;

export type ResponderEvent =
  | { readonly kind: 'responder-listening'; readonly address: string; readonly port: number }
  /** Another program owns the port alone; a new attempt follows every `retryMs`. */
  | {
      readonly kind: 'port-taken';
      readonly address: string;
      readonly port: number;
      readonly retryMs: number;
    }
  /** A link on which multicast is not heard; tried again every 5 s. At most once per link, code and minute. */
  | {
      readonly kind: 'join-failed';
      readonly zone: string;
      readonly code: string;
      readonly count: number;
    }
  | { readonly kind: 'probe-answered'; readonly address: string; readonly port: number }
  /**
   * At most once per reason and minute; `count` is what happened since the last such event.
   * `already-waiting` is no news and only counted in the end.
   */
  | { readonly kind: 'probes-dropped'; readonly reason: DropReason; readonly count: number }
  | {
      readonly kind: 'responder-ended';
      readonly answered: number;
      readonly dropped: Tally<DropReason>;
      readonly sendErrors: Tally;
    };

export interface ScannerEvent {
  /** Always the last event of a scan. */
  readonly kind: 'scan-ended';
  readonly elapsedMs: number;
  readonly servers: number;
  /** Probes handed to the system without an error. */
  readonly probes: number;
  /** Hosts that were asked one by one; 0 without a sweep. */
  readonly swept: number;
  readonly datagrams: number;
  /** Datagrams that were no reply, or longer than a reply may be. */
  readonly malformed: number;
  /** Replies, and words of mDNS, that a limit refused (PROTOCOL.md, Limits). */
  readonly excess: number;
  /** Datagrams or findings lost because a queue was full. */
  readonly dropped: number;
  /** Addresses at which mDNS announced servers. */
  readonly announced: number;
  readonly sendErrors: Tally;
  readonly sockets: number;
  /** Names of the interfaces with an IPv4 or link-local IPv6 address, loopback left out. Empty: no network. */
  readonly interfaces: readonly string[];
  /** False together with no interfaces: nothing at all is up. */
  readonly loopback: boolean;
}

export type AnnouncerEvent =
  /** The server is listed by mDNS under this name, on these interfaces. */
  | {
      readonly kind: 'mdns-announced';
      readonly name: string;
      readonly interfaces: readonly string[];
    }
  /**
   * `retryMs` null: it goes on all the same; at most once a minute. Else it is tried again, then less often, and told
   * once for each reason.
   */
  | { readonly kind: 'mdns-failed'; readonly reason: string; readonly retryMs: number | null };

export type SocketEvent =
  /** `retryMs` null: not tried again by itself (a scan tries once more in its next round). */
  | {
      readonly kind: 'socket-failed';
      readonly role: SocketRole;
      readonly address: string;
      readonly code: string;
      readonly retryMs: number | null;
    }
  /** At most once per code and minute (responder) or per code and local address (scanner); of mDNS each time. */
  | {
      readonly kind: 'send-failed';
      readonly role: SocketRole;
      readonly destination: string;
      readonly code: string;
      readonly count: number;
    };

/** Everything this room has to say about itself. Plain data: the program decides what to show. */
export type DiscoveryEvent = ResponderEvent | AnnouncerEvent | ScannerEvent | SocketEvent;

export type Observe = (event: DiscoveryEvent) => void;
