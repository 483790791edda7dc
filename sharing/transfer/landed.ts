import type { Message } from '#sharing/wire/message.js';

/** Chunks of a quick sender that are told together, and the milliseconds after which one is told in any case. */
const gotGroup = 4;
const gotTime = 50;

/** Tells the sender which chunks have landed, several at once where they come quickly. */
export interface LandedWords {
  /** `isLast`: no other is on its way that could tell of it too. */
  landed(chunk: number, isLast: boolean): void;
  /** Nothing is said any more. */
  end(): void;
}

export function landedWords(
  say: (got: Extract<Message, { t: 'got' }>) => void,
  { id, file }: { readonly id: number; readonly file: number },
): LandedWords {
  let unsaid: number[] = [];
  let saidAt = 0;
  let soon: NodeJS.Timeout | undefined;

  function sayAll(): void {
    clearTimeout(soon);
    soon = undefined;
    const chunk = unsaid.pop();
    if (chunk === undefined) return;
    const also = unsaid.length > 0 ? { also: unsaid } : {};
    unsaid = [];
    saidAt = performance.now();
    say({ t: 'got', id, file, chunk, ...also });
  }

  return {
    landed(chunk, isLast) {
      unsaid.push(chunk);
      if (isLast || unsaid.length >= gotGroup || performance.now() - saidAt >= gotTime) sayAll();
      // The other one may be on a lane that is dead, and nobody knows it yet.
      else soon ??= setTimeout(sayAll, gotTime);
    },
    end() {
      clearTimeout(soon);
      unsaid = [];
    },
  };
}
