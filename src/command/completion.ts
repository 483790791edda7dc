import { bashScript } from '#src/completion/bash.js';
import { fishScript } from '#src/completion/fish.js';
import { grammar } from '#src/completion/grammar.js';
import { knownNames } from '#src/completion/names.js';
import { askForServers, shells, type Shell } from '#src/completion/shells.js';
import { zshScript } from '#src/completion/zsh.js';
import { exitCodes } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { quote } from '#src/view/quote.js';
import type { PlainRun } from './command.js';

const scripts: Readonly<Record<Shell, typeof bashScript>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

export const run: PlainRun = async ({ view, stateFolder }, { words: [word = ''] }) => {
  const text =
    word === askForServers ? await namesAsLines(stateFolder) : scriptFor(word)(grammar());
  view.show({ event: 'completion', text });
  return exitCodes.done;
};

function scriptFor(word: string): typeof bashScript {
  const shell = shells.find((one) => one === word);
  if (shell !== undefined) return scripts[shell];
  throw new ProgramError(
    'usage',
    `"${quote(word)}" is no shell that lanpost knows`,
    `it knows ${shells.join(', ')}`,
  );
}

/** A script asks while somebody types: when nothing can be told, there is nothing to offer. */
async function namesAsLines(stateFolder: string | undefined): Promise<string> {
  const names = stateFolder === undefined ? [] : await knownNames(stateFolder);
  return names.map((name) => `${name}\n`).join('');
}
