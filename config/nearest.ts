const mostWrong = 8;

/**
 * The candidate that was most likely meant, for "did you mean"; undefined when none is near. Case,
 * `-` and `_` do not count; up to a third of the candidate may be wrong, of a long one no more than `mostWrong`.
 */
export function nearest(given: string, candidates: readonly string[]): string | undefined {
  const wanted = essence(given);
  let best: string | undefined;
  let least = Infinity;
  for (const candidate of candidates) {
    const known = essence(candidate);
    const limit = Math.min(mostWrong, Math.floor(known.length / 3));
    // Also keeps a name of any length from costing more than a comparison of lengths.
    if (Math.abs(known.length - wanted.length) > limit) continue;
    const distance = editDistance(wanted, known, limit);
    if (distance <= limit && distance < least) {
      best = candidate;
      least = distance;
    }
  }
  return best;
}

function essence(name: string): string {
  return name.replace(/[-_]/g, '').toLowerCase();
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours that turn one text into the other; once more than `limit`
 * are needed, it stops counting, so that many long names cost little.
 */
function editDistance(from: string, to: string, limit: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
        swapped ? at(beforeLast, column - 2) + 1 : Infinity,
      );
    }
    // A swap reaches back two rows.
    if (Math.min(...current) > limit && Math.min(...last) > limit) return Infinity;
    beforeLast = last;
    last = current;
  }
  return at(last, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
