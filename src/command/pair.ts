import { exitCodes } from '#src/exit-codes.js';
import { ProgramError } from '#src/failure.js';
import { withOwnServer } from '#src/servers/own-server.js';
import { quote } from '#src/view/quote.js';
import { textOption, type Call, type Run } from './command.js';

export const run: Run = async (context, call) => {
  const uses = usesOf(call);
  const { code, expires, voids } = await withOwnServer(context, call, (session) =>
    session.newCode(uses),
  );
  context.view.showCode(code, new Date(expires).toISOString());
  // The one for a single machine stands on the screen of `serve`, which says so itself.
  if (voids > 1)
    context.view.note(`the code before is void, which ${voids} more machines could have used`);
  if (uses > 1) context.view.note(manyWarning);
  return exitCodes.done;
};

const manyWarning =
  'while it is good, everybody who knows this code can stand between the others and your server';

function usesOf(call: Call): number {
  const word = textOption(call, 'pair-many');
  if (word === undefined) return 1;
  const uses = Number(word);
  if (/^[0-9]{1,3}$/.test(word) && uses >= 1 && uses <= 100) return uses;
  throw new ProgramError(
    'usage',
    `"${quote(word)}" machines cannot share a code`,
    'a number from 1 to 100',
  );
}
