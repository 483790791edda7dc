import { SharingError } from '#sharing/errors.js';

declare const judged: unique symbol;

/** One name that was judged: a file's or a folder's, without any separator. */
export type SafeName = string & { readonly [judged]: 'name' };
/** A name of a file here, from its user; it never leaves this machine. */
export type OwnName = string & { readonly [judged]: 'name' | 'own' };
/** Names below a shared folder, judged one by one; empty means the folder itself. */
export type SafePath = readonly SafeName[] & { readonly [judged]: 'path' };

/** Longest name in UTF-8 bytes; leaves room for a number within the usual 255. */
export const maxNameLength = 240;
/** Most names in a path. */
export const maxDepth = 32;

/**
 * The names of `text` ("a/b.txt", "" for the share itself). Names are judged, never repaired
 * (PROTOCOL.md, "Names"). Throws SharingError `name-refused` or `name-too-long`.
 */
export function safePath(text: string): SafePath {
  if (text === '') return [] as readonly SafeName[] as SafePath;
  const names = text.split('/');
  if (names.length > maxDepth) throw refused(`more than ${maxDepth} names deep`, 'path');
  if (names.includes(''))
    throw refused('a path is names with one slash between them, none around them', 'path');
  if (names.includes('.') || names.includes('..')) {
    throw refused('a path stays inside the shared folder', 'path');
  }
  return names.map((name) =>
    safeName(name, process.platform, 'path'),
  ) as readonly SafeName[] as SafePath;
}

/** A path as its user typed it, without the slashes behind it that say no more than that a folder is meant. */
export function plainPath(typed: string): string {
  return typed.replace(/\/+$/, '');
}

/**
 * The same of names that may hold wildcards, which no Windows name may: what they match is judged again. Throws
 * SharingError `name-refused` or `name-too-long`.
 */
export function patternPath(text: string): SafePath {
  const names = text.split('/');
  const wild = names.map((name) => name.replace(/[*?]/g, '_'));
  safePath(wild.join('/'));
  return names as readonly string[] as SafePath;
}

/**
 * Judges one name: one that is made for a file, or one of a path that was asked for or offered. Throws SharingError
 * `name-refused` or `name-too-long`.
 */
export function safeName(
  name: string,
  platform: NodeJS.Platform = process.platform,
  what: 'name' | 'path' = 'name',
): SafeName {
  const reason = whyNot(name, platform);
  if (reason !== undefined) throw refused(reason);
  if (Buffer.byteLength(name) > maxNameLength) {
    throw new SharingError('name-too-long', `a name may have ${maxNameLength} bytes`, { what });
  }
  return name as SafeName;
}

/**
 * A name that this machine's user typed for a file here: the system judges it, but it stays one name, and hidden
 * files stay hidden. Throws SharingError `name-refused`.
 */
export function ownName(name: string): OwnName {
  if (name === '' || isHidden(name)) throw refused(hidden);
  return name as OwnName;
}

/** True when the name may be listed and served. */
export function isSafeName(
  name: string,
  platform: NodeJS.Platform = process.platform,
): name is SafeName {
  return whyNot(name, platform) === undefined && Buffer.byteLength(name) <= maxNameLength;
}

/** The text form of a path, for messages and for the screen. */
export function pathText(path: SafePath): string {
  return path.join('/');
}

const hidden = 'names that begin with a dot are never shared';
// C0, DEL and C1 would reach terminals; line and paragraph separators split log lines.
// eslint-disable-next-line no-control-regex
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
// Overrides and isolates make "gpj.exe" read as "exe.jpg".
const bidi = /[\u202a-\u202e\u2066-\u2069]/;
const windowsIllegal = /[<>:"|?*]/;
const windowsDevice = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?$/i;

/** Short names, as Windows makes them: `GIT~1` may be `.git`, and any may be a name that was judged otherwise. */
const windowsShort = /^(?=[^.]{1,8}(?:\.|$))[^.]+~[0-9]+(?:\.[^.]{0,3})?$/;
/** Some file systems pass over these, so that what follows them is the beginning. */
const ignorable = /^\p{Default_Ignorable_Code_Point}+/u;

function isHidden(name: string): boolean {
  return name.replace(ignorable, '').startsWith('.');
}

function whyNot(name: string, platform: NodeJS.Platform): string | undefined {
  if (name === '') return 'an empty name';
  if (isHidden(name)) return hidden;
  if (name.includes('/') || name.includes('\\')) return 'a name with a slash or backslash';
  if (!name.isWellFormed()) return 'a name that is not valid Unicode';
  if (controls.test(name)) return 'a name with control characters';
  if (bidi.test(name)) return 'a name with characters that reverse its reading';
  return platform === 'win32' ? whyNotOnWindows(name) : undefined;
}

function whyNotOnWindows(name: string): string | undefined {
  if (windowsIllegal.test(name)) return 'a name with a character that Windows does not allow';
  if (windowsShort.test(name)) return 'a name that Windows may have given to another file';
  if (windowsDevice.test(name)) return 'a name that Windows keeps for a device';
  if (/[ .]$/.test(name)) return 'a name that ends with a dot or a blank, which Windows drops';
  return undefined;
}

function refused(reason: string, what: 'name' | 'path' = 'name'): SharingError {
  return new SharingError('name-refused', reason, { what });
}
