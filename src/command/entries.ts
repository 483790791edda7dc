import type { Entry } from '#sharing/local.js';
import type { Context } from '#src/context.js';

/** Prints a listing as its pages come; in JSON with whole paths, on the screen with names. */
export async function showEntries(
  { view }: Context,
  path: string,
  pages: AsyncIterable<readonly Entry[]>,
): Promise<void> {
  const folder = path.replace(/\/+$/, '');
  let count = 0;
  for await (const page of pages) {
    for (const { name, type, size, mtime } of page) {
      const whole = folder === '' ? name : `${folder}/${name}`;
      view.show({ event: 'entry', path: whole, type, size, mtime });
    }
    count += page.length;
  }
  if (count === 0) view.note('empty');
}
