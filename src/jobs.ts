import { exitCodes, type ExitCode } from './exit-codes.js';
import { ProgramError } from './failure.js';
import type { View } from './view/view.js';

/** What runs beside the prompt. */
export interface Jobs {
  /** Starts `work` and gives its number; it is told once it is over. What `mayFail` counts as done when all have settled. */
  start(
    line: string,
    view: View,
    work: (parts: JobParts) => Promise<ExitCode>,
    mayFail?: boolean,
  ): number;
  /** What runs now: the line that was typed, and how far it is. */
  list(): readonly { readonly number: number; readonly line: string; readonly state: string }[];
  /** Stops one. Throws ProgramError `usage` when there is none of that number. */
  cancel(number: number): void;
  cancelAll(): void;
  /** That something runs, and how much. */
  stillRuns(): string | undefined;
  /** Throws ProgramError `busy` while anything runs: its session must not end under it. `way` says how to end it. */
  mustBeIdle(way?: string): void;
  /** Resolves when nothing runs any more. */
  idle(): Promise<void>;
  /** The same, with how all ended that began since the last time. */
  settled(): Promise<readonly ExitCode[]>;
}

/** What a job has of its own in place of the prompt's. */
export interface JobParts {
  readonly view: View;
  readonly signal: AbortSignal;
}

interface Job {
  readonly number: number;
  readonly line: string;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  state: string;
}

/** Milliseconds between two notes of how far a job is. */
const noteTime = 250;

export function openJobs(): Jobs {
  const running = new Map<number, Job>();
  let exits: ExitCode[] = [];

  /** The line that moves belongs to the prompt; a job only remembers what it would draw. */
  function viewOf(view: View, job: () => Job | undefined): View {
    let last = -Infinity;
    return {
      ...view,
      styled: (wish) => viewOf(view.styled(wish), job),
      status: {
        columns: () => view.status.columns(),
        isDue: () => performance.now() - last >= noteTime,
        draw(text) {
          last = performance.now();
          const one = job();
          if (one) one.state = text;
        },
        clear: () => undefined,
      },
    };
  }

  function stillRuns(): string | undefined {
    if (running.size === 0) return undefined;
    return running.size === 1
      ? 'a transfer is still running'
      : `${running.size} transfers are still running`;
  }

  async function idle(): Promise<void> {
    while (running.size > 0) await Promise.all([...running.values()].map(({ done }) => done));
  }

  return {
    start(line, view, work, mayFail = false) {
      const number = Math.max(0, ...running.keys()) + 1;
      const stop = new AbortController();
      const parts = { view: viewOf(view, () => running.get(number)), signal: stop.signal };
      const done = work(parts).then((exit) => {
        if (!mayFail) exits.push(exit);
        running.delete(number);
        const state =
          exit === exitCodes.done ? 'done' : stop.signal.aborted ? 'cancelled' : 'failed';
        view.show({ event: 'job', number, line, state });
      });
      running.set(number, { number, line, stop, done, state: 'running' });
      return number;
    },
    list: () => [...running.values()].map(({ number, line, state }) => ({ number, line, state })),
    cancel(number) {
      const job = running.get(number);
      if (!job) throw new ProgramError('usage', `there is no job ${number}`, 'jobs shows them');
      job.stop.abort();
    },
    cancelAll() {
      for (const { stop } of running.values()) stop.abort();
    },
    stillRuns,
    mustBeIdle(way) {
      const words = stillRuns();
      if (words === undefined) return;
      const [first] = running.keys();
      const hint = `jobs shows it; ${way ?? `cancel ${first} ends it`}, and it can go on later`;
      throw new ProgramError('busy', words, hint);
    },
    idle,
    async settled() {
      await idle();
      const ended = exits;
      exits = [];
      return ended;
    },
  };
}
