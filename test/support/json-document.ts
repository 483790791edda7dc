import type { Answer } from '#src/view/answer.js';
import { exitCodes, exitMeanings } from '#src/exit-codes.js';
import { jsonLine } from '#src/view/json.js';
import { z } from 'zod';
import type { events } from './json-events.js';

/** The document of `--json`, made from the table of events. */
export function documentOf(all: typeof events): string {
  return `${[introduction, ...Object.entries(all).map(([event, facts]) => chapter(event, facts))].join('\n\n')}\n`;
}

const introduction = `# The lines of \`--json\`

Made from \`test/support/json-events.ts\`, against which every line that is printed in a test is held. With \`--json\` standard output holds one JSON object a line
and nothing else, failures included; only \`--version\` is plain text all the same. Standard error stays empty but for what \`serve\` logs, which \`--quiet\` keeps
silent, and troubles with the log. Text is UTF-8; what a terminal could obey is escaped.

Each line has \`v\`, the version of these lines, now 1, and \`event\`. A key that goes or changes its meaning makes another \`v\`; new events and new
keys come without, so a script ignores what it does not know. With \`--to\` a line has \`server\`, the name of the server that it is about. Sizes are in bytes,
times ISO 8601 in UTC. The exit code of the command:

${table(['exit', 'meaning'], exitRows())}`;

function exitRows(): string[][] {
  const names = Object.keys(exitCodes) as (keyof typeof exitCodes)[];
  return names.map((name) => [String(exitCodes[name]), exitMeanings[exitCodes[name]]]);
}

interface Facts {
  readonly about: string;
  readonly keys: z.ZodObject;
  readonly example: Answer;
}

function chapter(event: string, { about, keys, example }: Facts): string {
  const { properties = {}, required = [] } = z.toJSONSchema(keys);
  const rows = Object.entries(properties).map(([key, one]) => [
    `\`${key}\``,
    typeText(one as Shape) + (required.includes(key) ? '' : ', may be missing'),
    (one as Shape).description ?? '',
  ]);
  return [
    `## ${event}`,
    about,
    ...(rows.length > 0 ? [table(['key', 'type', 'meaning'], rows)] : []),
    `\`\`\`\n${jsonLine(example).trimEnd()}\n\`\`\``,
  ].join('\n\n');
}

type Shape = z.core.JSONSchema.BaseSchema;

function typeText(shape: Shape): string {
  if (shape.anyOf) return shape.anyOf.map((one) => typeText(one)).join(' or ');
  if (shape.enum) return shape.enum.map((one) => `\`${String(one)}\``).join(', ');
  if (shape.type === 'array') return `list of ${typeText(shape.items as Shape)}s`;
  if (shape.type === 'object') {
    const inner = Object.entries(shape.properties ?? {});
    return `object (${inner.map(([key, one]) => `\`${key}\`: ${typeText(one as Shape)}`).join(', ')})`;
  }
  if (shape.format === 'date-time') return 'time';
  return [shape.type ?? 'anything'].flat().join(' or ');
}

/** As Prettier would write it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, at) =>
    Math.max(3, ...[head, ...rows].map((row) => (row[at] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, at) => (row[at] ?? '').padEnd(width)).join(' | ')} |`;
  return [
    line(head),
    `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`,
    ...rows.map(line),
  ].join('\n');
}
