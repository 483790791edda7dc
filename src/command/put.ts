import { sharedReads, type ClientSession, type TransferOptions } from '#sharing/client.js';
import { idLength, isIdOf, parseSymbols, shortId, shortIdLength } from '#sharing/id.js';
import { asSharingError, SharingError } from '#sharing/errors.js';
import { listLocal, matchLocal, type Spool } from '#sharing/local.js';
import type { Context } from '#src/context.js';
import type { ExitCode } from '#src/exit-codes.js';
import { combine, ProgramError } from '#src/failure.js';
import { withSlashes } from '#src/local-path.js';
import { meanings, type Meaning } from '#src/meant.js';
import { openSessionOf, withSession } from '#src/servers/session.js';
import { withServers } from '#src/servers/several.js';
import { tell } from '#src/tell.js';
import { placeText } from '#src/view/format.js';
import { quote } from '#src/view/quote.js';
import { existsSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { textOption, type Call, type Run } from './command.js';
import { isPiped, withInput } from './put-stream.js';
import { openTally } from './tally.js';
import { mustBeOne, plainNameOf, policyOf, transfer } from './transfer.js';

export const run: Run = (context, call) =>
  isPiped(call)
    ? withInput(context, call, (input) => putInput({ ...context, ask: undefined }, call, input))
    : putFiles(context, call);

const putInput = (context: Context, call: Call, input: () => Promise<Spool>): Promise<ExitCode> => {
  const wish = { policy: policyOf(context, call), as: plainNameOf(call) ?? '' };
  return withEach(context, call, async (own, session, shared) => {
    await mustBeTrusted(own, call, session);
    const tally = openTally(session.server.name);
    const showing = { ...storing, title: wish.as, path: '-', tally };
    const spool = await input();
    return transfer(own, showing, (hooks) => session.put(spool, { ...wish, ...shared, ...hooks }));
  });
};

const putFiles: Run = async (context, call) => {
  const { atPrompt, settings, workingFolder } = context;
  const base = atPrompt ? resolve(workingFolder, settings.clientDirectory) : workingFolder;
  const as = plainNameOf(call);
  const policy = policyOf(context, call);
  const several = textOption(call, 'to');
  if (atPrompt && several === undefined) openSessionOf(context);
  const { found, codes } = await expand(context, call.words, base);
  mustBeOne(as, found.length);
  if (found.length === 0) return combine(codes);
  const wish = { policy, ...(as !== undefined && { as }) };
  const code = await withEach(context, call, (own, session, shared) =>
    putOn(own, call, session, { found, missing: codes.length }, { ...wish, ...shared }),
  );
  return combine([...codes, code]);
};

/** What the sessions with several servers have in common. */
type Shared = Pick<TransferOptions, 'reads'>;

/** Works in the session that is meant, or in one with each of several servers. */
function withEach(
  context: Context,
  call: Call,
  work: (context: Context, session: ClientSession, shared: Shared) => Promise<ExitCode>,
): Promise<ExitCode> {
  const several = textOption(call, 'to');
  if (several === undefined) {
    return withSession(context, call, (session) => work(context, session, {}));
  }
  const reads = sharedReads();
  return withServers(context, call, several, (own, session) => work(own, session, { reads }));
}

const storing = { event: 'stored', placeOf: (name: string) => name } as const;

async function putOn(
  context: Context,
  call: Call,
  session: ClientSession,
  { found, missing }: { readonly found: readonly Found[]; readonly missing: number },
  wish: Pick<TransferOptions, 'policy' | 'as' | 'reads'>,
): Promise<ExitCode> {
  await mustBeTrusted(context, call, session);
  const asTyped = inWordsOf(found);
  const tally = openTally(session.server.name);
  for (let count = 0; count < missing; count += 1) tally.failed();
  const [only, second] = found;
  const showing = {
    title: second === undefined ? (only?.typed ?? '') : `${found.length} names`,
    path: second === undefined ? (only?.typed ?? '') : null,
    ...storing,
    tally,
  };
  const code = await transfer(context, showing, ({ onEnded, ...hooks }) =>
    session.put(
      found.map(({ path }) => path),
      {
        ...wish,
        ...hooks,
        onEnded(ended) {
          onEnded({ ...ended, path: asTyped(ended.path) });
        },
      },
    ),
  );
  tally.tell(context.view);
  return code;
}

/** One thing to put: as it was typed, or as a pattern that was typed finds it, and where it lies. */
interface Found {
  readonly typed: string;
  readonly path: string;
}

/** A word that is no path of this machine but a pattern stands for all that matches it; nothing is a failure. */
async function expand(
  context: Context,
  words: readonly string[],
  base: string,
): Promise<{ readonly found: readonly Found[]; readonly codes: readonly ExitCode[] }> {
  const found: Found[] = [];
  const codes: ExitCode[] = [];
  const withMeant = meanings();
  for (const typed of words) {
    const word = withSlashes(typed, context.system.platform);
    const path = resolve(base, word);
    const there = existsSync(path);
    try {
      // Which would be the folder where relative paths begin, and nobody means that.
      if (word === '') throw new SharingError('name-refused', 'an empty name');
      const matches = there ? [] : await matchLocal(base, word);
      if (!there && matches.length === 0) await mustBeThere(base, word, withMeant);
      if (matches.length === 0) found.push({ typed, path });
      else found.push(...matches.map((one) => ({ typed: one, path: resolve(base, one) })));
    } catch (error) {
      codes.push(await tell(context, typed, error));
    }
  }
  return { found, codes };
}

/** Throws SharingError `not-found` with what may have been meant; all else is found out when it is opened. */
async function mustBeThere(base: string, word: string, withMeant: Meaning): Promise<void> {
  const missing = await lstat(resolve(base, word)).then(
    () => false,
    (error: unknown) => asSharingError(error).code === 'not-found',
  );
  if (!missing) return;
  const error = new SharingError('not-found', word, { local: true });
  throw await withMeant(error, word, (folder) =>
    listLocal(resolve(base, folder === '' && !isAbsolute(word) ? '' : `${folder}/`), ''),
  );
}

/** Tells paths at or below the things that were named in the words of their user. */
function inWordsOf(found: readonly Found[]): (path: string) => string {
  const words = new Map(found.map(({ typed, path }) => [path, typed]));
  return (path) => {
    let top = path;
    while (!words.has(top) && dirname(top) !== top) top = dirname(top);
    const typed = words.get(top);
    return typed === undefined ? path : `${typed}${path.slice(top.length)}`;
  };
}

/** Nothing is sent to an unverified server without the user's word. Throws SharingError `unverified`. */
async function mustBeTrusted(
  context: Context,
  call: Call,
  { server }: ClientSession,
): Promise<void> {
  const known = context.memory.trusted;
  if (server.trust !== 'unverified' || known.has(server.id)) return;
  const word = textOption(call, 'trust');
  if (word !== undefined) {
    const ids = word.split(',');
    for (const one of ids) mustBeId(one);
    if (ids.some((one) => isIdOf(server.id, one))) return;
    const place = placeText(server.address, server.port);
    throw new SharingError('key-changed', 'not the one', {
      place,
      expected: word,
      shown: server.id,
    });
  }
  const question = `the server ${shortId(server.id)} is unverified; send anyway? [y/N] `;
  const answer = await context.ask?.(question);
  if (answer === undefined || !/^y(es)?$/i.test(answer.trim())) {
    throw new SharingError('unverified', 'not trusted', { id: server.id });
  }
  known.add(server.id);
}

function mustBeId(typed: string): void {
  const length = parseSymbols(typed)?.length;
  if (length === shortIdLength || length === idLength) return;
  throw new ProgramError(
    'usage',
    `"${quote(typed)}" is no id`,
    'scan shows the short id of each server',
  );
}
