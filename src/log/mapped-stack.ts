import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { isAbsolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A place in a line of a stack: of a module a URL, of a script a path, which may hold blanks. */
const placeInStack = /(?<=\(|\bat (?:async )?)([^()\n]{1,4096}):(\d+):(\d+)(?=\)?$)/gm;

/**
 * A stack with the places in the sources instead of those in what was built from them, where the maps are there. The maps
 * are read now: if Node were to keep them for every fault that may come, each start would read them all.
 */
export function mappedStack(stack: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.replace(placeInStack, (place, file: string, line, column) => {
    if (!maps.has(file)) maps.set(file, mapOf(file));
    const origin = maps.get(file)?.findOrigin(Number(line), Number(column));
    if (!origin || !('fileName' in origin)) return place;
    return `${sourceOf(file, origin.fileName)}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

/** The source lies beside what was built from it: told in the same way. */
function sourceOf(file: string, source: string): string {
  if (isUrl(file)) return new URL(source, file).href;
  return fileURLToPath(new URL(source, pathToFileURL(file)));
}

function mapOf(file: string): SourceMap | undefined {
  try {
    const path = isUrl(file) ? fileURLToPath(file) : file;
    // Node's own have names that look like none.
    if (!isAbsolute(path)) return undefined;
    return new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')) as SourceMapPayload);
  } catch {
    return undefined;
  }
}

function isUrl(file: string): boolean {
  return file.startsWith('file://');
}
