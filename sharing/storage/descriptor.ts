import { closeSync } from 'node:fs';

/**
 * What closes a descriptor. A number that was closed may be another file's by now: it must not be closed again, not even after
 * an error.
 */
export function closeOnce(file: number): () => void {
  let open = true;
  return () => {
    if (!open) return;
    open = false;
    closeSync(file);
  };
}
