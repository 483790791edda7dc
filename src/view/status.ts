import type { Writable } from 'node:stream';
import { fitInto } from './columns.js';

/** The line that is drawn over while something runs, or a few of them; elsewhere a line now and then. */
export interface StatusLine {
  /** False while what is drawn would not be shown. */
  isDue(): boolean;
  draw(text: string): void;
  /** Columns that a line may have. */
  columns(): number;
  clear(): void;
}

/** Milliseconds between two drawings, and between two lines where nothing can be drawn over. */
const redrawTime = 100;
const lineTime = 5000;

export function statusLine(
  error: Writable & { readonly columns?: number; readonly rows?: number },
  { silent, drawsOver }: { readonly silent: boolean; readonly drawsOver: boolean },
  now: () => number = () => performance.now(),
): StatusLine {
  const began = now();
  let drawn = 0;
  // Where nothing is drawn over the first line comes late, so that a quick transfer prints none.
  let last = drawsOver ? -Infinity : began;

  const isDue = (): boolean => !silent && now() - last >= (drawsOver ? redrawTime : lineTime);

  /** Takes back what is drawn: control sequences CUU, EL and ED of ECMA-48. */
  function erased(): string {
    return drawn > 1 ? `\r\u001b[${drawn - 1}A\u001b[J` : '\r\u001b[K';
  }

  const columns = (): number => (drawsOver ? sizeOr(error.columns, 80) - 1 : Infinity);

  return {
    isDue,
    columns,
    draw(text) {
      if (!isDue()) return;
      last = now();
      if (!drawsOver) {
        error.write(`${text}\n`);
        return;
      }
      const width = columns();
      const lines = text.split('\n').slice(0, Math.max(1, sizeOr(error.rows, 24) - 1));
      error.write(`${erased()}${lines.map((line) => fitInto(line, width)).join('\n')}`);
      drawn = lines.length;
    },
    clear() {
      if (drawn === 0) return;
      error.write(erased());
      drawn = 0;
      last = drawsOver ? -Infinity : last;
    },
  };
}

/** Some terminals do not know their size, and say 0. */
function sizeOr(size: number | undefined, usual: number): number {
  return size !== undefined && size > 0 ? size : usual;
}
