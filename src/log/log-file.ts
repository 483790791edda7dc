import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where the lines of the log go. */
export interface LogFile {
  write(line: string): void;
}

/**
 * The file `lanpost.log` in `folder`; when it has grown to `size` bytes it is set aside as `.1`. It never
 * throws: the first failure is told to `onFailure`, and each line tries anew. Nothing stays open, so that
 * servers that share a state folder, and people who clear it, are in nobody's way.
 */
export function logFile(
  folder: string,
  size: number,
  onFailure: (place: string, error: unknown) => void,
): LogFile {
  const place = join(folder, 'lanpost.log');
  let failed = false;

  function add(line: string): void {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const written = statSync(place, { throwIfNoEntry: false })?.size ?? 0;
    if (written > 0 && written + Buffer.byteLength(line) > size) renameSync(place, `${place}.1`);
    appendFileSync(place, line, { mode: 0o600 });
  }

  return {
    write(line) {
      try {
        add(line);
      } catch (error) {
        if (!failed) onFailure(place, error);
        failed = true;
      }
    },
  };
}
