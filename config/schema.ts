import { z } from 'zod/mini';
import { readBytes, readMilliseconds } from './quantity.js';
import { settingTable as table } from './settings.js';
import type { SettingKey, Settings } from './settings.js';

/**
 * Judges the value of each setting by the bounds of the table, `satisfies` keeps the two in step. Made when a setting is given:
 * most runs are given few. Sizes and times may be text with a unit. Its issues are never shown; load.ts words the refusals.
 */
export const settingSchemas = {
  udpPort: () => count(table.udpPort),
  tcpPort: () => count(table.tcpPort),
  mdns: () => z.enum(table.mdns.choices),
  name: () => z.string().check(z.refine((text) => isName(text, table.name))),
  serverDirectory: () => z.string().check(z.refine(isFolder)),
  clientDirectory: () => z.string().check(z.refine(isFolder)),
  receivedPrefix: () => z.string().check(z.refine((text) => isPrefix(text, table.receivedPrefix))),
  ifTaken: () => z.enum(table.ifTaken.choices),
  open: () => z.enum(table.open.choices),
  mode: () => z.enum(table.mode.choices),
  pairRights: () => z.enum(table.pairRights.choices),
  maxClients: () => count(table.maxClients),
  maxClientsPerAddress: () => count(table.maxClientsPerAddress),
  maxTransfersPerClient: () => count(table.maxTransfersPerClient),
  maxFileSize: () => quantity(table.maxFileSize, readBytes),
  quota: () => quantity(table.quota, readBytes),
  keepFree: () => quantity(table.keepFree, readBytes),
  logLevel: () => z.enum(table.logLevel.choices),
  logSize: () => quantity(table.logSize, readBytes),
  scanTimeout: () => quantity(table.scanTimeout, readMilliseconds),
  connectTimeout: () => quantity(table.connectTimeout, readMilliseconds),
  heartbeat: () => quantity(table.heartbeat, readMilliseconds),
  idleTimeout: () => quantity(table.idleTimeout, readMilliseconds),
  stallTimeout: () => quantity(table.stallTimeout, readMilliseconds),
  reconnectTimeout: () => quantity(table.reconnectTimeout, readMilliseconds),
  color: () => z.enum(table.color.choices),
} satisfies { [K in SettingKey]: () => z.ZodMiniType<Settings[K]> };

interface Bounds {
  readonly min: number;
  readonly max: number;
}

function count(bounds: Bounds) {
  return z.int().check(z.gte(bounds.min), z.lte(bounds.max));
}

function quantity(bounds: Bounds, read: (text: string) => number | undefined) {
  const inBounds = count(bounds);
  // Unreadable text becomes NaN, which is no integer.
  const fromText = z.pipe(
    z.string(),
    z.transform((text: string) => read(text) ?? Number.NaN),
  );
  return z.union([inBounds, z.pipe(fromText, inBounds)]);
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
