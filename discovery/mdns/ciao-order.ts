import type { Facts } from './facts.js';

/** What a worker is to announce, as plain data. */
export interface Order {
  /** Names of interfaces, none of them an alias. */
  readonly interfaces: readonly string[];
  /** Under which the server is listed, unless somebody has that name already. */
  readonly name: string;
  /** One label; of this server alone. */
  readonly host: string;
  /** TCP. */
  readonly port: number;
  readonly facts: Facts;
}

/** What the worker says. */
export type WorkerMessage =
  | { readonly kind: 'announced'; readonly name: string }
  /** Something for the console. */
  | { readonly kind: 'trouble'; readonly words: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'stopped' };
