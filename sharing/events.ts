import type { ErrorCode, ErrorFacts } from '#sharing/errors.js';
import type { Right } from '#sharing/wire/message.js';

/** What a server tells of itself; plain data, foreign text unquoted, no secrets. */
export type SharingEvent =
  | { readonly event: 'listening'; readonly port: number }
  | { readonly event: 'turned-away'; readonly address: string; readonly reason: TurnedAway }
  | {
      readonly event: 'client-in';
      readonly session: number;
      readonly address: string;
      readonly id: string;
      /** Of a peer the name that we gave it, else what it calls itself. */
      readonly name: string;
      readonly as: 'owner' | 'peer' | 'open';
      readonly rights: readonly Right[];
    }
  /** It was given more rights while it was there. */
  | {
      readonly event: 'client-rights';
      readonly session: number;
      readonly name: string;
      readonly rights: readonly Right[];
    }
  | {
      readonly event: 'client-refused';
      readonly address: string;
      readonly id: string;
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** It was asked for the code, and has gone to look for it. */
  | { readonly event: 'client-asked'; readonly address: string; readonly id: string }
  /** It hung up before it came in: it was quicker at another address, or looks for another key. */
  | { readonly event: 'client-gone'; readonly address: string; readonly id: string }
  | {
      readonly event: 'client-out';
      readonly session: number;
      readonly name: string;
      readonly code: ErrorCode | 'bye';
      readonly message: string;
    }
  | { readonly event: 'paired'; readonly id: string; readonly peer: string }
  | { readonly event: 'listed'; readonly session: number; readonly path: string }
  | {
      readonly event: 'file-out' | 'file-in';
      readonly session: number;
      readonly path: string;
      readonly as: string;
      readonly size: number;
      readonly digest: string;
      /** Milliseconds from the request to the last word. */
      readonly took: number;
    }
  | {
      readonly event: 'file-same';
      readonly session: number;
      readonly path: string;
      readonly as: string;
    }
  /** A folder, what matched a pattern, or several things; only what failed in it was told one by one. */
  | {
      readonly event: 'many-out' | 'many-in';
      readonly session: number;
      readonly path: string;
      /** Names at the top beside `path`; 0 for a pattern. */
      readonly further: number;
      readonly files: number;
      /** Of files that travelled. */
      readonly bytes: number;
      readonly failed: number;
      /** Milliseconds from the request to the last word. */
      readonly took: number;
    }
  | {
      readonly event: 'file-failed';
      readonly session: number;
      readonly path: string;
      readonly code: ErrorCode;
      readonly message: string;
      /** What the owner of the server may know, and a peer may not: places on this machine. */
      readonly facts: ErrorFacts;
    }
  | { readonly event: 'partials-removed'; readonly count: number }
  | { readonly event: 'fault'; readonly where: string; readonly error: Error };

/** Why a connection ended before anybody knew who it was. */
export type TurnedAway =
  'too-many-strangers' | 'too-fast' | 'plaintext' | 'silent' | 'handshake-failed' | 'not-lanpost';

export type Observe = (event: SharingEvent) => void;
