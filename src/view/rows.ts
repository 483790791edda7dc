import type { Answer } from './answer.js';
import { columnsOf } from './columns.js';
import { quote } from './quote.js';
import type { View } from './view.js';

/** One view for several that work at once: each says whose answers it shows, and each has a row that moves. */
export interface Rows {
  of(name: string): View;
  /** Nothing is drawn while somebody is asked. */
  hold<T>(work: () => Promise<T>): Promise<T>;
}

export function rowsOn(view: View): Rows {
  const rows = new Map<string, string>();
  let held = 0;

  function draw(): void {
    const all = [...rows].map(([name, text]) => `${quote(name)}: ${text}`);
    if (held === 0 && all.length > 0) view.status.draw(all.join('\n'));
  }

  const rowOf = (base: View, name: string): View => ({
    ...base,
    show(answer: Answer) {
      base.show(answer, name);
    },
    styled: (wish) => rowOf(base.styled(wish), name),
    note(text) {
      view.note(`${quote(name)}: ${text}`);
    },
    warn(text) {
      view.warn(`${quote(name)}: ${text}`);
    },
    status: {
      isDue: () => view.status.isDue(),
      columns: () => view.status.columns() - columnsOf(quote(name)) - 2,
      draw(text) {
        rows.set(name, text);
        draw();
      },
      clear() {
        rows.delete(name);
        view.status.clear();
      },
    },
  });

  return {
    of: (name) => rowOf(view, name),
    async hold(work) {
      held += 1;
      view.status.clear();
      try {
        return await work();
      } finally {
        held -= 1;
      }
    },
  };
}
