import { endsAll, namesAbove, spotOf, type Arrival } from '#sharing/batch/arrival.js';
import type { ArrivingFolders } from '#sharing/batch/folders.js';
import type { Gate } from '#sharing/batch/gate.js';
import type { LastWords } from '#sharing/batch/last-words.js';
import type { BatchProgress } from '#sharing/batch/progress.js';
import type { WantQueue } from '#sharing/batch/wants.js';
import type { SharingError } from '#sharing/errors.js';
import type { Soon } from '#sharing/soon.js';
import type { LandingArea } from '#sharing/storage/area.js';
import type { DigestAlgorithm } from '#sharing/storage/digest.js';
import type { Room } from '#sharing/storage/room.js';
import type { ChunkIntake } from '#sharing/transfer/intakes.js';
import { startReceiving, type Receiving } from '#sharing/transfer/receive.js';
import type { Speech } from '#sharing/transport/connection.js';
import type { ChunkHeader } from '#sharing/wire/frame.js';
import type { Policy } from '#sharing/wire/message.js';

/** Large files that are received at once. */
const maxLarge = 2;

/** The files of a batch that go their own way, as a single file does. */
export interface LargeArrivals {
  /** Resolves when it is under way; waits while too many are. Rejects when its folder cannot be reached. */
  begin(arrival: Arrival): Promise<void>;
  /** One that is under way. */
  find(file: number): Receiving | undefined;
  isFull(): boolean;
  /** How many stall times each of them lets the sender be silent. */
  patience(): number[];
  /** Takes what comes over one connection. */
  intake(): LargeIntake;
  /** Ends them without a word. */
  abandon(error: SharingError): void;
}

export interface LargeIntake {
  /** The intake of the file that a chunk belongs to, if it is one of them. */
  of(header: ChunkHeader): ChunkIntake | undefined;
}

export interface LargeArrivalOptions {
  readonly id: number;
  readonly landing: () => Soon<LandingArea>;
  readonly room: Room;
  readonly folders: ArrivingFolders;
  readonly wants: WantQueue;
  readonly policy: Policy;
  readonly peer: string;
  readonly algorithm: DigestAlgorithm;
  readonly stallTime: number;
  readonly watch: { moved(): void };
  readonly progress: BatchProgress;
  /** Opened when something has happened. */
  readonly news: Gate;
  /** Throws when the batch is over. */
  readonly mustGoOn: () => void;
  /** What goes on by itself; what it throws ends the batch. */
  readonly follow: (work: () => Promise<void>) => void;
  readonly words: Pick<LastWords, 'over'>;
}

export function largeArrivals(connection: Speech, options: LargeArrivalOptions): LargeArrivals {
  const { landing, folders, wants, news, mustGoOn, words } = options;
  const underWay = new Map<number, Receiving>();

  function isFull(): boolean {
    return underWay.size >= maxLarge;
  }

  return {
    async begin(arrival) {
      while (isFull()) {
        wants.flush();
        await news.wait();
        mustGoOn();
      }
      const { file } = arrival.offered;
      const spot = await spotOf(arrival, landing, folders);
      const left = arrival.folder?.top.staging?.leftovers;
      const { target } = spot.area;
      const receiving = await startThere(arrival, spot.area).catch((error: unknown) => {
        spot.release();
        throw error;
      });
      options.follow(async () => {
        try {
          const outcome = await receiving.outcome;
          // A disk that is full is full for all that would come after it; what the sender says is of this one, and
          // beside a large one at the top a small one may find room.
          const isOurs = outcome.kind === 'failed' && outcome.byPeer !== true;
          if (isOurs && endsAll(outcome.error) && !isItsOwn(arrival, outcome.error)) {
            throw outcome.error;
          }
          if ('as' in outcome) await left?.claim(target, outcome.as);
          words.over(arrival, outcome);
        } finally {
          underWay.delete(file);
          spot.release();
          news.open();
        }
      });
    },
    find: (file) => underWay.get(file),
    isFull,
    patience: () => [...underWay.values()].map((one) => one.patience()),
    intake() {
      const known = new Map<Receiving, ChunkIntake>();
      return {
        of({ file }) {
          const receiving = underWay.get(file);
          if (!receiving) return undefined;
          const intake = known.get(receiving) ?? receiving.intake();
          // Those that are over take nothing any more.
          for (const one of known.keys())
            if (![...underWay.values()].includes(one)) known.delete(one);
          known.set(receiving, intake);
          return intake;
        },
      };
    },
    abandon(error) {
      for (const one of underWay.values()) one.abandon(error);
    },
  };

  async function startThere(arrival: Arrival, area: LandingArea): Promise<Receiving> {
    const { id, room, policy, peer, algorithm, stallTime, watch, progress } = options;
    const { offered, folder, name } = arrival;
    const { file, size, mtime, tag } = offered;
    const { target } = area;
    const staging = folder?.top.staging;
    const left = staging?.leftovers;
    const found = await left?.find(target, name);
    mustGoOn();
    wants.flush();
    const receiving = startReceiving(connection, {
      id,
      file,
      area: () => Promise.resolve(area),
      room,
      name,
      ...(folder && { place: [...namesAbove(arrival), name].join('/') }),
      // In a tree that nobody sees, what an earlier attempt left makes place, and nothing else.
      policy: staging ? 'number' : policy,
      withSiblings: !staging,
      ...(found && { onDifferent: async () => left?.remove(target, name, found) }),
      size,
      mtime,
      tag,
      peer,
      algorithm,
      stallTime,
      watch,
      onProgress: ({ phase, bytes, had }) => {
        if (phase === 'sending') progress.moved(file, bytes, had);
      },
    });
    // In the same turn: the end of the batch must find it.
    underWay.set(file, receiving);
    return receiving;
  }
}

/** For a file that lies in no folder there may be no room where there is for others. */
function isItsOwn({ folder }: Arrival, { code }: SharingError): boolean {
  return folder === undefined && code === 'no-room';
}
