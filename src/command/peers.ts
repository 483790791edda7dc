import { addPeer, changePeer, readKnownPeers, type KnownPeer } from '#sharing/device.js';
import { idLength, parseSymbols } from '#sharing/id.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { rightsOf } from '#src/rights.js';
import { quote } from '#src/view/quote.js';
import type { Run } from './command.js';

const usage =
  'peers list | add <full id> <name> [rights] | rename <peer> <name> | rights <peer> <rights> | forget <peer>';

export const run: Run = async (context, { words: [what = 'list', ...words] }) => {
  const { stateFolder, view } = context;
  const [first, second, third] = words;
  switch (what) {
    case 'list':
      for (const { name, id, rights, how, since } of (await readKnownPeers(stateFolder)).peers) {
        view.show({ event: 'peer', name, id, rights, how, since });
      }
      return exitCodes.done;
    case 'add': {
      const id = parseSymbols(need(first));
      if (id?.length !== idLength)
        throw new ProgramError('usage', 'add needs the full id, 52 symbols', usage);
      const rights = third === undefined ? [] : rightsOf(third);
      await addPeer(stateFolder, { id, name: need(second), rights, how: 'id' }, new Date());
      return exitCodes.done;
    }
    case 'rename':
      await changePeer(stateFolder, (await find(context, first)).id, { name: need(second) });
      return exitCodes.done;
    case 'rights':
      await changePeer(stateFolder, (await find(context, first)).id, {
        rights: [...rightsOf(need(second))],
      });
      return exitCodes.done;
    case 'forget':
      await changePeer(stateFolder, (await find(context, first)).id, undefined);
      return exitCodes.done;
    default:
      throw new ProgramError('usage', `peers cannot "${quote(what)}"`, usage);
  }
};

function need(word: string | undefined): string {
  if (word !== undefined && word !== '') return word;
  throw new ProgramError('usage', 'something is missing', usage);
}

/** The peer of that name, or with that id, whole or in its short form. */
async function find({ stateFolder }: Context, word: string | undefined): Promise<KnownPeer> {
  const typed = need(word);
  const known = await readKnownPeers(stateFolder);
  const symbols = parseSymbols(typed);
  const peer =
    known.byName(typed) ??
    known.peers.find(
      ({ id }) => symbols === id || (symbols?.length === 16 && id.startsWith(symbols)),
    );
  if (peer) return peer;
  throw new ProgramError(
    'unknown-name',
    `no peer is called "${quote(typed)}"`,
    'peers list shows who is known',
  );
}
