import { z } from 'zod';
import { readBytes, readMilliseconds } from './quantity.js';
import { settingTable as table } from './settings.js';
import type { SettingKey, Settings } from './settings.js';

/**
 * Judges settings: bounds and defaults come from the table, `satisfies` keeps the two in step.
 * Sizes and times may be text with a unit. `name` has no default: the program passes the host's.
 * Its issues are never shown; load.ts words the refusals.
 */
export const settingsSchema = z
  .strictObject({
    udpPort: count(table.udpPort),
    tcpPort: count(table.tcpPort),
    mdns: z.enum(table.mdns.choices).default(table.mdns.default),
    name: z.string().refine((text) => isName(text, table.name)),
    serverDirectory: z.string().refine(isFolder).default(table.serverDirectory.default),
    clientDirectory: z.string().refine(isFolder).default(table.clientDirectory.default),
    receivedPrefix: z
      .string()
      .refine((text) => isPrefix(text, table.receivedPrefix))
      .default(table.receivedPrefix.default),
    ifTaken: z.enum(table.ifTaken.choices).default(table.ifTaken.default),
    open: z.enum(table.open.choices).default(table.open.default),
    mode: z.enum(table.mode.choices).default(table.mode.default),
    pairRights: z.enum(table.pairRights.choices).default(table.pairRights.default),
    maxClients: count(table.maxClients),
    maxClientsPerAddress: count(table.maxClientsPerAddress),
    maxTransfersPerClient: count(table.maxTransfersPerClient),
    maxFileSize: quantity(table.maxFileSize, readBytes),
    quota: quantity(table.quota, readBytes),
    keepFree: quantity(table.keepFree, readBytes),
    logLevel: z.enum(table.logLevel.choices).default(table.logLevel.default),
    logSize: quantity(table.logSize, readBytes),
    scanTimeout: quantity(table.scanTimeout, readMilliseconds),
    connectTimeout: quantity(table.connectTimeout, readMilliseconds),
    heartbeat: quantity(table.heartbeat, readMilliseconds),
    idleTimeout: quantity(table.idleTimeout, readMilliseconds),
    stallTimeout: quantity(table.stallTimeout, readMilliseconds),
    reconnectTimeout: quantity(table.reconnectTimeout, readMilliseconds),
    color: z.enum(table.color.choices).default(table.color.default),
  } satisfies { [K in SettingKey]: z.ZodType<Settings[K]> })
  // A peer must have had the chance to answer a ping before it counts as gone.
  .refine(({ heartbeat, idleTimeout }) => idleTimeout > heartbeat, {
    path: ['idleTimeout'],
    error: 'idleTimeout must be greater than heartbeat',
  });

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly default: number;
}

function count(bounds: Bounds) {
  return z.int().min(bounds.min).max(bounds.max).default(bounds.default);
}

function quantity(bounds: Bounds, read: (text: string) => number | undefined) {
  // Unreadable text becomes NaN, which the integer behind the pipe refuses.
  const fromText = z.string().transform((text) => read(text) ?? Number.NaN);
  return z
    .union([z.int(), fromText])
    .pipe(z.int().min(bounds.min).max(bounds.max))
    .default(bounds.default);
}

// Controls, bidi and other format characters, line separators, lone surrogates.
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
/** What is shown as nothing, or as what each system likes. */
const unshowable = /[\p{Co}\p{Default_Ignorable_Code_Point}\u2800]/u;

/** What an announcement would change (discovery/PROTOCOL.md, Names) would not be found again under its name. */
function isName(text: string, limits: { maxCharacters: number; maxBytes: number }): boolean {
  return (
    text !== '' &&
    text.trim() === text &&
    text.normalize('NFC') === text &&
    !/\s\s|[^\S ]/u.test(text) &&
    !invisible.test(text) &&
    !unshowable.test(text) &&
    !text.startsWith('SERVICE DISCOVERY') &&
    Array.from(text).length <= limits.maxCharacters &&
    Buffer.byteLength(text) <= limits.maxBytes
  );
}

function isFolder(text: string): boolean {
  return text !== '' && !text.includes('\0');
}

function isPrefix(text: string, limits: { maxBytes: number }): boolean {
  return (
    !text.startsWith('.') &&
    !/[/\\]/.test(text) &&
    !invisible.test(text) &&
    Buffer.byteLength(text) <= limits.maxBytes
  );
}
