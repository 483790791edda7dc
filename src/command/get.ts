import { asLists, type ClientSession } from '#sharing/client.js';
import { SharingError } from '#sharing/errors.js';
import { plainPath } from '#sharing/local.js';
import type { Context } from '#src/context.js';
import { exitCodes, type ExitCode } from '#src/exit-codes.js';
import { combine } from '#src/failure.js';
import { meanings } from '#src/meant.js';
import { withSession } from '#src/servers/session.js';
import { join, resolve } from 'node:path';
import type { Call, Run } from './command.js';
import { getStream, isStream } from './get-stream.js';
import { openTally } from './tally.js';
import { plainNameOf, policyOf, transfer } from './transfer.js';

export const run: Run = (context, call) =>
  isStream(call) ? getStream(context, call) : getFiles(context, call);

const getFiles: Run = (context, call) =>
  withSession(context, call, (session) => getAll(context, call, session));

async function getAll(context: Context, call: Call, session: ClientSession): Promise<ExitCode> {
  const { clientDirectory, receivedPrefix } = context.settings;
  const as = plainNameOf(call);
  const policy = policyOf(context, call);
  const codes: ExitCode[] = [];
  const tally = openTally(clientDirectory);
  const withMeant = meanings();
  /** The first line of a script in which one failed. */
  let failed = Infinity;
  for (const list of listsOf([call.words, ...(call.following ?? [])])) {
    const [first, ...others] = list.paths.filter((path) => list.lineOf(path) <= failed);
    if (first === undefined) continue;
    const isOne = others.length === 0;
    const before = failed;
    const showing = {
      title: isOne ? first : `${others.length + 1} names`,
      path: isOne ? first : null,
      event: 'received',
      tally,
      placeOf: (name: string) => join(clientDirectory, name),
      // What nobody typed nobody meant.
      lookUp: (error: unknown, path: string) =>
        isNotFound(error) && list.paths.includes(path)
          ? () => withMeant(error, path, (folder, stop) => session.list(folder, stop))
          : undefined,
    } as const;
    const code = await transfer(context, showing, ({ onEnded, ...hooks }) =>
      session.getList([first, ...others], {
        folder: resolve(context.workingFolder, clientDirectory),
        receivedPrefix,
        policy,
        stillWanted: (path) => list.lineOf(path) <= failed,
        onEnded(ended) {
          if (ended.outcome === 'failed') failed = Math.min(failed, list.lineOf(ended.path));
          onEnded(ended);
        },
        ...(as !== undefined && { as }),
        ...hooks,
      }),
    );
    codes.push(code);
    if (code !== exitCodes.done && failed === before) failed = Math.min(failed, list.lineOf(first));
  }
  tally.tell(context.view);
  return combine(codes);
}

function isNotFound(error: unknown): boolean {
  return error instanceof SharingError && error.code === 'not-found';
}

/** Paths that are asked for together. */
interface List {
  readonly paths: readonly string[];
  /** The line of the script in which a path of it stands, or one above it. */
  lineOf(path: string): number;
}

/** The words of lines that run as one, in lists. */
function* listsOf(lines: readonly (readonly string[])[]): Generator<List> {
  const lineOfWord = lines.flatMap((words, line) => words.map(() => line));
  for (const paths of asLists(lines.flat())) {
    const known = new Map(paths.map((path) => [plainPath(path), lineOfWord.shift() ?? 0]));
    // What matches a pattern has other paths, and the pattern stands alone.
    const [alone = 0] = known.values();
    yield {
      paths,
      lineOf(path) {
        let top = plainPath(path);
        while (!known.has(top) && top.includes('/')) top = top.slice(0, top.lastIndexOf('/'));
        return known.get(top) ?? alone;
      },
    };
  }
}
