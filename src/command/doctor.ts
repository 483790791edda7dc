import { checksOf } from '#src/doctor/checks.js';
import { lookAround } from '#src/doctor/look.js';
import { reasons } from '#src/doctor/reasons.js';
import { findingAnswer } from '#src/doctor/finding.js';
import type { Sought } from '#src/doctor/server.js';
import type { Context } from '#src/context.js';
import { exitCodes } from '#src/exit-codes.js';
import { portToDial } from '#src/servers/port-to-dial.js';
import { readRunning } from '#src/servers/running.js';
import { knownAs, parseServer } from '#src/servers/server-name.js';
import { readKnownPeers, readSeen } from '#sharing/device.js';
import type { Run } from './command.js';

export const run: Run = async (context, call) => {
  const { view, signal, atPrompt } = context;
  const [typed] = call.words;
  const sought = typed === undefined ? undefined : await whoIsSought(context, typed);
  view.status.draw('looking at the network');
  const facts = await lookAround(await lookOptions(context), sought);
  view.status.clear();
  if (signal.aborted) return exitCodes.interrupted;
  const found = reasons(facts);
  for (const one of found) view.show(findingAnswer(one, facts, atPrompt));
  view.note('what was looked at');
  for (const check of checksOf(facts)) view.show(check);
  const isBlocked = found.some(({ weight }) => weight === 'blocks');
  return isBlocked ? exitCodes.unreachable : exitCodes.done;
};

/** What of a command's context looking around needs. */
export async function lookOptions({
  system,
  interfaces,
  settings,
  signal,
  stateFolder,
  isAlive,
}: Context): Promise<Parameters<typeof lookAround>[0]> {
  const { udpPort } = settings;
  const running = await readRunning(stateFolder, isAlive);
  return { system, interfaces, udpPort, tcpPort: portToDial(settings), running, signal };
}

async function whoIsSought({ stateFolder }: Context, typed: string): Promise<Sought> {
  const server = parseServer(typed);
  const peer = knownAs(server.host, (await readKnownPeers(stateFolder)).peers);
  const seen = (await readSeen(stateFolder)).find(({ id }) => id === peer?.id);
  return { ...server, id: peer?.id, seen };
}
