/** A bounded queue between something that must not wait and something that may. */
export interface Inbox<Item> extends AsyncIterable<Item> {
  /** False: full or ended, the item is dropped. */
  offer(item: Item): boolean;
  /** What is waiting is still delivered, then the iteration ends. */
  end(): void;
}

/** An inbox for one reader that holds at most `limit` items and drops the newest when full. */
export function createInbox<Item>(limit: number): Inbox<Item> {
  let arrived: Item[] = [];
  let waiting = 0;
  let ended = false;
  let wake = (): void => undefined;

  async function* read(): AsyncGenerator<Item, void, undefined> {
    while (true) {
      const batch = arrived;
      arrived = [];
      for (const item of batch) {
        waiting -= 1;
        yield item;
      }
      if (arrived.length > 0) continue;
      if (ended) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }

  return {
    offer(item) {
      if (ended || waiting >= limit) return false;
      arrived.push(item);
      waiting += 1;
      wake();
      return true;
    },
    end() {
      ended = true;
      wake();
    },
    [Symbol.asyncIterator]: read,
  };
}
