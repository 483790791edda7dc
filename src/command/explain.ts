import type { Context } from '#src/context.js';
import { interfaceChecks } from '#src/doctor/checks.js';
import { findingAnswer } from '#src/doctor/finding.js';
import { lookBriefly, lookEach } from '#src/doctor/look.js';
import { reasons } from '#src/doctor/reasons.js';
import { reaching } from '#src/doctor/server-words.js';
import type { CheckAnswer } from '#src/view/answer.js';
import { lookOptions } from './doctor.js';

const mostReasons = 3;

/** A line for each local address: whether probes left it, whether it hears itself, who answered. */
export async function explainInterfaces(context: Context): Promise<readonly CheckAnswer[]> {
  return interfaceChecks(await lookEach(await lookOptions(context)));
}

/**
 * Why a scan found nobody, as far as it can be told within a moment, and the next step: lines for a hint. `alone`: this
 * machine is on no network.
 */
export async function likelyReasons(context: Context, alone: boolean): Promise<string> {
  const { atPrompt } = context;
  const facts = await lookBriefly(await lookOptions(context));
  const answers = reasons(facts)
    .filter(({ weight }) => weight !== 'note')
    .slice(0, mostReasons)
    .map((one) => findingAnswer(one, facts, atPrompt));
  const lines = answers.flatMap(({ message, details, commands }) => [
    message,
    ...(commands.length > 0 ? commands : details.slice(0, 1)).map((line) => `  ${line}`),
  ]);
  const next = alone
    ? 'no server runs here either; start one: lanpost serve'
    : `${atPrompt ? '' : 'lanpost '}doctor looks closer; if you know the address: ${reaching('<address>', context)}`;
  return [...lines, next].join('\n');
}
