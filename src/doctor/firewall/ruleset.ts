import type { Packet } from './packet.js';

/** Where packets enter the rules. */
export type Hook = 'ingress' | 'prerouting' | 'input' | 'output' | 'postrouting' | 'egress';

/** Rules as all kinds of firewalls have them, read from their own form. */
export interface Ruleset {
  readonly kind: 'nft' | 'iptables';
  readonly chains: readonly Chain[];
}

export interface Chain {
  /** Of nft: ip, inet, netdev. */
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Undefined for a chain that others jump to. */
  readonly entry: Entry | undefined;
  readonly rules: readonly Rule[];
}

export interface Entry {
  readonly hook: Hook;
  /** Lower comes first. */
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  /** Only packets of these devices; null: of some, it is not said of which; undefined: of all. */
  readonly devices?: readonly string[] | null;
}

export interface Rule {
  /** As its program shows it. */
  readonly text: string;
  readonly tests: readonly Test[];
  readonly action: Action;
}

/** Whether a packet fits; null when this program does not understand the question. */
export type Test = (packet: Packet) => boolean | null;

export type Action =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'none' | 'unknown' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };
