import {
  addPeer,
  changePeer,
  forgetPin,
  readKnownPeers,
  type KnownPeer,
  type Pin,
} from '#sharing/device.js';
import { SharingError } from '#sharing/errors.js';
import { idLength, isIdOf, parseSymbols } from '#sharing/id.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { rightsOf } from '#src/rights.js';
import { quote } from '#src/view/quote.js';
import type { Run } from './command.js';

const usage =
  'peers list | add <full id> <name> [rights] | rename <peer> <name> | rights <peer> <rights> | forget <peer or place>';

export const run: Run = async (context, { words: [what = 'list', ...words] }) => {
  const { stateFolder, view } = context;
  const [first, second, third] = words;
  switch (what) {
    case 'list': {
      mustBeAtMost(words, 0);
      const { peers, pins } = await readKnownPeers(stateFolder);
      for (const { name, id, rights, how, since } of peers) {
        view.show({ event: 'peer', name, id, rights, how, since });
      }
      for (const { place, id, since } of pins) view.show({ event: 'pin', place, id, since });
      if (peers.length + pins.length === 0) view.note('nobody is known yet');
      view.note(`this machine is ${(await context.device()).id}`);
      return exitCodes.done;
    }
    case 'add': {
      mustBeAtMost(words, 3);
      const id = parseSymbols(need(first));
      if (id?.length !== idLength)
        throw new ProgramError('usage', 'add needs the full id, 52 symbols', usage);
      const rights = third === undefined ? [] : rightsOf(third);
      await addPeer(stateFolder, { id, name: need(second), rights, how: 'id' }, new Date());
      return exitCodes.done;
    }
    case 'rename':
      mustBeAtMost(words, 2);
      await changePeer(stateFolder, (await find(context, first)).id, { name: need(second) });
      return exitCodes.done;
    case 'rights':
      mustBeAtMost(words, 2);
      await changePeer(stateFolder, (await find(context, first)).id, {
        rights: [...rightsOf(need(second))],
      });
      return exitCodes.done;
    case 'forget': {
      mustBeAtMost(words, 1);
      const pin = await findPin(stateFolder, first);
      if (pin) await forgetPin(stateFolder, pin.place);
      else await changePeer(stateFolder, (await find(context, first)).id, undefined);
      return exitCodes.done;
    }
    default:
      throw new ProgramError('usage', `peers cannot "${quote(what)}"`, usage);
  }
};

/** Half of what was typed is not what was meant: who can do what is not changed by a guess. */
function mustBeAtMost(words: readonly string[], most: number): void {
  const extra = words[most];
  if (extra === undefined) return;
  const hint = `${usage}; rights with commas, a name with blanks in quotes`;
  throw new ProgramError('usage', `"${quote(extra)}" is one word too many`, hint);
}

function need(word: string | undefined): string {
  if (word !== undefined && word !== '') return word;
  throw new ProgramError('usage', 'something is missing', usage);
}

/** The open server that was seen at that place: `host:port`. */
async function findPin(stateFolder: string, word: string | undefined): Promise<Pin | undefined> {
  const { pins } = await readKnownPeers(stateFolder);
  return pins.find(({ place }) => place === word?.toLowerCase());
}

/** The peer of that name, or with that id, whole or in its short form. */
async function find({ stateFolder }: Context, word: string | undefined): Promise<KnownPeer> {
  const typed = need(word);
  const known = await readKnownPeers(stateFolder);
  const peer = known.byName(typed) ?? known.peers.find(({ id }) => isIdOf(id, typed));
  if (peer) return peer;
  throw new SharingError('unknown-peer', `no peer is called "${typed}"`);
}
