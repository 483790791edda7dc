import type { DiscoveryEvent } from '#discovery/events.js';
import type { SharingEvent } from '#sharing/events.js';
import type { Standing } from '#sharing/server.js';
import { discoveryWords, isTrouble } from '#src/log/log-words.js';
import { clockText } from '#src/view/format.js';
import { movingRow } from '#src/view/moving.js';
import type { View } from '#src/view/view.js';
import { whoText } from '#src/view/who.js';
import { lineBudget } from './line-budget.js';
import { servingLine } from './lines.js';

/** What a server shows on a terminal while it serves. */
export interface ServingScreen extends Disposable {
  readonly sharing: (event: SharingEvent) => void;
  readonly discovery: (event: DiscoveryEvent) => void;
}

export interface ServingScreenOptions {
  readonly view: Pick<View, 'note' | 'status' | 'sizeText'>;
  /** How the server stands; undefined while it is not there yet. */
  readonly standing: () => Standing | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds of a clock that only goes forward. */
  readonly clock: () => number;
}

/** Milliseconds between two looks at what moves. */
const lookTime = 250;

/** Transfers that have a row of their own; of the others there is a count. */
const mostRows = 5;

/**
 * Shows who comes and what goes: a line for each, as many as a person can read, and rows that move for what is under
 * way. It looks only while somebody is there.
 */
export function servingScreen(options: ServingScreenOptions): ServingScreen {
  const { view, standing, now, clock } = options;
  const budget = lineBudget(clock);
  const names = new Map<number, string>();
  let timer: NodeJS.Timeout | undefined;
  let drawn = false;

  function say(words: string): void {
    view.note(`${clockText(new Date(now()).toISOString())}  ${words}`);
    if (drawn) draw();
  }

  function draw(): void {
    const state = standing();
    const rows = state ? movingRows(state, view.sizeText) : '';
    if (rows !== '') view.status.draw(rows);
    else if (drawn) view.status.clear();
    drawn = rows !== '';
  }

  function look(): void {
    const left = budget.left();
    if (left > 0) say(`and ${left} line${left === 1 ? '' : 's'} more, which only the log has`);
    draw();
    // What is still counted is told of before it goes to sleep.
    if (standing()?.clients.length === 0 && budget.isEmpty()) stop();
  }

  function stop(): void {
    clearInterval(timer);
    timer = undefined;
  }

  function wake(): void {
    if (timer) return;
    timer = setInterval(look, lookTime);
    timer.unref();
  }

  return {
    sharing(event) {
      if (event.event === 'client-in') names.set(event.session, whoText(event));
      const line = servingLine(event, (session) => names.get(session) ?? 'a client', view.sizeText);
      if (event.event === 'client-out') names.delete(event.session);
      if (!line) return;
      wake();
      if (line.kind === undefined || budget.take(line.kind)) say(line.text);
    },
    discovery(event) {
      if (!isTrouble(event)) return;
      wake();
      if (budget.take('trouble')) say(discoveryWords(event));
    },
    [Symbol.dispose]: () => {
      stop();
      view.status.clear();
    },
  };
}

/** What moves at a server now, as rows that are drawn over; empty when nothing does. */
function movingRows({ clients, transfers }: Standing, sizeText: View['sizeText']): string {
  const names = new Map(clients.map((client) => [client.session, whoText(client)]));
  const rows = transfers
    .slice(0, mostRows)
    .map((one) => `  ${movingRow(names.get(one.session) ?? '', one, sizeText)}`);
  const rest = transfers.slice(mostRows);
  if (rest.length === 0) return rows.join('\n');
  const rate = rest.reduce((sum, one) => sum + one.rate, 0);
  return [...rows, `  and ${rest.length} more  ${sizeText(rate)}/s`].join('\n');
}
