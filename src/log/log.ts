import type { DiscoveryEvent } from '#discovery/events.js';
import { errnoOf, SharingError } from '#sharing/errors.js';
import type { SharingEvent } from '#sharing/events.js';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import pino, { type DestinationStream, type Level } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { logFile } from './log-file.js';
import { eventLimit } from './log-limit.js';
import { discoveryWords, isTrouble, sharingWords } from './log-words.js';
import { mappedStack } from './mapped-stack.js';
import { quote } from '#src/view/quote.js';

/** What the rooms say of themselves, as lines in a file and, for a server, on the screen. */
export interface Log {
  readonly sharing: (event: SharingEvent) => void;
  readonly discovery: (event: DiscoveryEvent) => void;
  /** A fault of the program, with its stack. */
  readonly fault: (error: unknown) => void;
}

export interface LogOptions {
  readonly stateFolder: string;
  readonly level: Level;
  /** Bytes after which the file is set aside; one predecessor is kept. */
  readonly size: number;
  /** Told once, in a sentence, when the file cannot be written; the program goes on without it. */
  readonly complain: (words: string) => void;
  /** Where people see lines of at least `info`; it must know how to keep a prompt whole. */
  readonly screen?: Writable;
  readonly color?: boolean;
}

/**
 * Opens the log. It writes synchronously, so that no way to end the process loses a line, and never throws: what
 * goes wrong with it is no reason to end what it tells of.
 */
export function openLog(options: LogOptions): Log {
  const file = logFile(join(options.stateFolder, 'log'), options.size, (place, error) => {
    const why = errnoOf(error) ?? String(error);
    options.complain(`the log ${quote(place)} cannot be written (${quote(why)})`);
  });
  const streams: { level: Level; stream: DestinationStream }[] = [
    { level: options.level, stream: file },
  ];
  const { screen } = options;
  if (screen) {
    const line = prettyFactory({
      colorize: options.color ?? false,
      hideObject: true,
      // Of an event's facts, not of a logger.
      ignore: 'name',
      translateTime: 'SYS:HH:MM:ss',
    });
    const stream = { write: (json: string) => screen.write(line(json)) };
    streams.push({ level: 'info', stream });
  }
  const logger = pino(
    {
      base: null,
      // Each stream judges for itself; what one of them wants has to reach both.
      level: screen ? lower(options.level, 'info') : options.level,
      formatters: { level: (label) => ({ level: label }) },
      // pino's own would take our facts of an error for an error, and call its type Object.
      serializers: { err: (facts: unknown) => facts },
    },
    pino.multistream(streams),
  );
  const limit = eventLimit(() => performance.now());

  function write(level: Level, event: string, source: string, facts: object, words: string): void {
    const verdict = limit(event, source);
    if (verdict === 'drop') return;
    const more = verdict > 0 ? { suppressed: verdict } : {};
    logger[level]({ event, ...facts, ...more }, words);
  }

  return {
    sharing: (event) => {
      const { event: kind, ...facts } = event;
      write(levelOf(event), kind, sourceOf(event), quoted(facts), sharingWords(event));
    },
    discovery: (event) => {
      const { kind, ...facts } = event;
      const level = isTrouble(event) ? 'warn' : 'debug';
      write(
        level,
        kind,
        'address' in event ? event.address : '',
        quoted(facts),
        discoveryWords(event),
      );
    },
    fault: (error) => {
      logger.error({ event: 'fault', err: errorFacts(error) }, 'a fault in lanpost itself');
    },
  };
}

function lower(one: Level, other: Level): Level {
  const weight = (level: Level): number => pino.levels.values[level] ?? 0;
  return weight(one) < weight(other) ? one : other;
}

function levelOf(event: SharingEvent): Level {
  switch (event.event) {
    case 'fault':
      return 'error';
    case 'client-refused':
      return 'warn';
    case 'file-failed':
      return event.code === 'cancelled' ? 'info' : 'warn';
    // The program's own banner says it better.
    case 'listening':
    case 'listed':
    case 'turned-away':
    case 'client-gone':
      return 'debug';
    default:
      return 'info';
  }
}

/** Limits count per kind and per who caused it. */
function sourceOf(event: SharingEvent): string {
  if ('address' in event) return event.address;
  return 'session' in event ? String(event.session) : '';
}

/** Foreign strings among the facts, quoted; an error keeps its stack. */
function quoted(facts: object): object {
  return Object.fromEntries(
    Object.entries(facts).map(([key, value]: [string, unknown]) => {
      if (typeof value === 'string') return [key, quote(value)];
      if (value instanceof Error) return ['err', errorFacts(value)];
      return [key, key === 'facts' ? quoted(value as object) : value];
    }),
  );
}

/** A stack may hold foreign words too: names, paths. */
function errorFacts(error: unknown): object {
  if (!(error instanceof Error)) return { message: quote(String(error)) };
  // An error of ours says by its code where it comes from.
  const stack = error instanceof SharingError ? error.stack : mappedStack(error.stack ?? '');
  const facts = error instanceof SharingError ? { facts: quoted(error.facts) } : {};
  const cause = error.cause === undefined ? {} : { cause: inShort(error.cause) };
  return {
    type: error.name,
    ...inShort(error),
    ...facts,
    ...cause,
    stack: (stack ?? '').split('\n').map(quote),
  };
}

/** What an error says, and its code: ours, or the system's. */
function inShort(error: unknown): object {
  if (!(error instanceof Error)) return { message: quote(String(error)) };
  const code = errnoOf(error);
  return { ...(code !== undefined && { code: quote(code) }), message: quote(error.message) };
}
