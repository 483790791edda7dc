import type { Message } from '#sharing/wire/message.js';

/** Chunks of a quick sender that are told together, and the milliseconds after which one is told in any case. */
const gotGroup = 4;
const gotTime = 50;

/**
 * Tells the sender which chunks have landed. The function takes one that has; `isLast`: no other is on its way that could
 * tell of it too. `now` is in milliseconds of a clock that only goes forward.
 */
export function landedWords(
  say: (got: Extract<Message, { t: 'got' }>) => void,
  { id, file }: { readonly id: number; readonly file: number },
  now: () => number = () => performance.now(),
): (chunk: number, isLast: boolean) => void {
  let unsaid: number[] = [];
  let saidAt = 0;
  return (chunk, isLast) => {
    const time = now();
    if (!isLast && unsaid.length + 1 < gotGroup && time - saidAt < gotTime) {
      unsaid.push(chunk);
      return;
    }
    const also = unsaid.length > 0 ? { also: unsaid } : {};
    unsaid = [];
    saidAt = time;
    say({ t: 'got', id, file, chunk, ...also });
  };
}
