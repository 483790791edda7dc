import type { FindingAnswer } from '#src/view/answer.js';
import type { Facts } from './facts.js';
import type { Reason } from './reasons.js';
import { wordsOf } from './words.js';

/** A reason in words, as it is shown: a finding. */
export function findingAnswer(
  { cause, weight }: Reason,
  facts: Facts,
  atPrompt: boolean,
): FindingAnswer {
  const { environment, udpPort, ownServers } = facts;
  // The port that was judged, and that others are to reach.
  const tcpPort = ownServers[0]?.port ?? facts.tcpPort;
  const { platform, isRoot } = environment;
  const place = { platform, isRoot, udpPort, tcpPort, atPrompt };
  const { sentence, details, commands } = wordsOf(cause, place);
  return { event: 'finding', code: cause.code, weight, message: sentence, details, commands };
}
