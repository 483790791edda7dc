import type { ServerCode } from './causes.js';
import type { Facts, ServerFacts } from './facts.js';
import type { Reason } from './reasons.js';

/** Pure: how the server that was named can be reached, and how not. */
export function serverCauses({ server }: Facts): readonly Reason[] {
  if (server === null) return [];
  const code = codeOf(server);
  return [{ cause: { code, server }, weight: code === 'server-fine' ? 'note' : 'blocks' }];
}

function codeOf({ address, answer, there, tcp, sendError }: ServerFacts): ServerCode {
  if (address === null) return 'server-unknown';
  if (tcp === 'lanpost') return answer === null ? 'server-tcp-only' : 'server-fine';
  if (answer !== null) return 'server-udp-only';
  if (tcp === 'other' || tcp === 'hung-up') return 'server-other';
  if (sendError === 'ENETUNREACH' || tcp.code === 'ENETUNREACH') return 'server-no-route';
  switch (tcp.code) {
    case 'ECONNREFUSED':
      return 'server-refused';
    case 'EHOSTUNREACH':
    case 'EHOSTDOWN':
      // A firewall that rejects gives the same answer as a machine that is not there.
      return there === true ? 'server-silent' : 'server-gone';
    default:
      return there === false ? 'server-gone' : 'server-silent';
  }
}
