import type { ClientSession } from '#sharing/client.js';
import { idLength, parseSymbols, shortId, shortIdLength } from '#sharing/id.js';
import { SharingError } from '#sharing/errors.js';
import type { Context } from '#src/context.js';
import { ProgramError } from '#src/failure.js';
import { withSession } from '#src/session.js';
import { placeText } from '#src/view/format.js';
import { quote } from '#src/view/quote.js';
import { resolve } from 'node:path';
import { textOption, type Call, type Run } from './command.js';
import { policyOf, transferAnswer, transferEach } from './transfer.js';

export const run: Run = (context, call) =>
  withSession(context, call, async (session) => {
    await mustBeTrusted(context, call, session);
    const { atPrompt, settings, workingFolder } = context;
    const base = atPrompt ? resolve(workingFolder, settings.clientDirectory) : workingFolder;
    const as = textOption(call, 'as');
    const policy = policyOf(context, call);
    return transferEach(context, call, async (path, onProgress) => {
      const done = await session.put(resolve(base, path), {
        policy,
        onProgress,
        signal: context.signal,
        ...(as !== undefined && { as }),
      });
      return transferAnswer('stored', { ...done, path });
    });
  });

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
    mustBeId(word);
    if (isIdOf(server.id, word)) return;
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

/** True when somebody typed this id, whole or in its short form. */
function isIdOf(id: string, typed: string): boolean {
  const symbols = parseSymbols(typed);
  return symbols === id || symbols === id.slice(0, shortIdLength);
}
