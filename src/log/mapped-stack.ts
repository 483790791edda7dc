import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * A stack with the places in the sources instead of those in what was built from them, where the maps are there. The maps
 * are read now: if Node were to keep them for every fault that may come, each start would read them all.
 */
export function mappedStack(stack: string): string {
  const maps = new Map<string, SourceMap | undefined>();
  return stack.replace(/(file:\/\/\S+):(\d+):(\d+)/g, (place, file: string, line, column) => {
    if (!maps.has(file)) maps.set(file, mapOf(file));
    const origin = maps.get(file)?.findOrigin(Number(line), Number(column));
    if (!origin || !('fileName' in origin)) return place;
    return `${new URL(origin.fileName, file).href}:${origin.lineNumber}:${origin.columnNumber}`;
  });
}

function mapOf(file: string): SourceMap | undefined {
  try {
    const map = readFileSync(fileURLToPath(`${file}.map`), 'utf8');
    return new SourceMap(JSON.parse(map) as SourceMapPayload);
  } catch {
    return undefined;
  }
}
