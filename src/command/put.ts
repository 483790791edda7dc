import type { ClientSession } from '#sharing/client.js';
import { parseSymbols, shortId } from '#sharing/id.js';
import { SharingError } from '#sharing/errors.js';
import type { Context } from '#src/context.js';
import { withSession } from '#src/session.js';
import { resolve } from 'node:path';
import { textOption, type Call, type Run } from './command.js';
import { transferEach } from './transfer.js';

export const run: Run = (context, call) =>
  withSession(context, call, async (session) => {
    await mustBeTrusted(context, call, session);
    const { atPrompt, settings, workingFolder } = context;
    const base = atPrompt ? resolve(workingFolder, settings.clientDirectory) : workingFolder;
    const as = textOption(call, 'as');
    return transferEach(context, call, async (path, onProgress) => {
      const {
        outcome,
        as: name,
        size,
        digest,
      } = await session.put(resolve(base, path), {
        onProgress,
        signal: context.signal,
        ...(as !== undefined && { as }),
      });
      return { event: 'stored', path, as: name, size, digest, identical: outcome === 'identical' };
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
  const given = parseSymbols(textOption(call, 'trust') ?? '');
  const short = server.id.slice(0, 16);
  if (given === short || given === server.id) return;
  const question = `the server ${shortId(server.id)} is unverified; send anyway? [y/N] `;
  const answer = await context.ask?.(question);
  if (answer === undefined || !/^y(es)?$/i.test(answer.trim())) {
    throw new SharingError('unverified', 'not trusted', { id: server.id });
  }
  known.add(server.id);
}
