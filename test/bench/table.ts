import type { Spread } from './figures.js';

/** What is to be reached; Node 24 and later have a faster TLS, so more is asked of them. */
export interface Goal {
  readonly node20: number;
  readonly node24: number;
  /** `least`: at least so much; `most`: at most. */
  readonly bound: 'least' | 'most';
  /** `x` for times as fast. */
  readonly unit: 'x' | 'MB' | 'ms';
}

/** One line of the table of goals. */
export interface Row {
  /** Its number among the goals. */
  readonly number: number;
  readonly work: string;
  readonly peer: string;
  readonly goal: Goal;
  readonly result: Result;
}

export type Result =
  | {
      readonly kind: 'measured';
      /** Both in the same unit, as text; empty when there is nothing to say. */
      readonly own: string;
      readonly other: string;
      readonly value: Spread;
    }
  | { readonly kind: 'skipped' | 'failed'; readonly why: string };

/** One line of the comparison of parts with naive twins; in MB (10^6 bytes) a second. */
export interface MicroRow {
  readonly work: string;
  readonly own: Spread;
  readonly twin: string;
  readonly other: Spread;
  /** Own rate over the twin's, round by round. */
  readonly ratio: Spread;
}

/** Times as fast, at least. */
export function timesAsFast(node20: number, node24 = node20): Goal {
  return { node20, node24, bound: 'least', unit: 'x' };
}

export function atMost(unit: 'MB' | 'ms', node20: number, node24 = node20): Goal {
  return { node20, node24, bound: 'most', unit };
}

/** The goal for a Node of this major version. */
export function limitFor({ node20, node24 }: Goal, major: number): number {
  return major >= 24 ? node24 : node20;
}

/** The verdict on a row; anything but a measurement is said aloud. */
export function verdict({ goal, result }: Row, major: number): string {
  if (result.kind !== 'measured') return `**${result.kind}**: ${cell(result.why)}`;
  const { median } = result.value;
  const limit = limitFor(goal, major);
  return (goal.bound === 'least' ? median >= limit : median <= limit) ? 'met' : '**not met**';
}

/** The table of goals in Markdown, ready to read; `major` is that of the Node that ran lanpost. */
export function goalTable(rows: readonly Row[], major: number): string {
  const head = ['#', 'work', 'against', 'goal Node 20', 'goal Node 24+'];
  const lines = rows.map((row) => {
    const { goal, result } = row;
    const measured = result.kind === 'measured';
    return [
      String(row.number),
      row.work,
      row.peer,
      bounded(goal, goal.node20),
      bounded(goal, goal.node24),
      measured ? result.own : '',
      measured ? result.other : '',
      measured ? spreadText(result.value, goal.unit) : '',
      verdict(row, major),
    ];
  });
  return table([...head, 'lanpost', 'peer', 'median (min-max)', 'verdict'], lines);
}

/** The comparison with naive twins in Markdown. */
export function microTable(rows: readonly MicroRow[]): string {
  const head = ['work', 'lanpost MB/s', 'naive twin', 'twin MB/s', 'rate over twin'];
  return table(
    head,
    rows.map(({ work, own, twin, other, ratio }) => [
      work,
      spreadText(own, ''),
      twin,
      spreadText(other, ''),
      spreadText(ratio, 'x'),
    ]),
  );
}

/** Such as `1.25x (1.20-1.31)`, or without what lies apart when all is one figure. */
export function spreadText({ median, min, max }: Spread, unit: string): string {
  const gap = /^[a-zA-Z]{2}/.test(unit) || unit === 's' ? ' ' : '';
  const apart = min === max ? '' : ` (${figure(min)}-${figure(max)})`;
  return `${figure(median)}${gap}${unit}${apart}`;
}

function figure(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}

function bounded({ bound, unit }: Goal, limit: number): string {
  return `${bound === 'least' ? '>=' : '<='} ${limit}${unit === 'x' ? 'x' : ` ${unit}`}`;
}

function table(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = head.map(() => '---');
  return [head, rule, ...lines].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');
}

/** A pipe or a line's end would break the table. */
function cell(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/(?<!\\)\|/g, '\\|')
    .trim();
}
