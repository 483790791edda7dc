import { placeText } from '#src/view/format.js';
import { quote } from '#src/view/quote.js';
import type { ServerCode } from './causes.js';
import type { ServerFacts } from './facts.js';
import type { Place, Words } from './words.js';

/** What there is to say of the server that was named. */
export function serverWords(
  code: ServerCode,
  server: ServerFacts,
  place: Pick<Place, 'udpPort' | 'atPrompt'>,
): Words {
  const where = quote(server.address ?? server.typed);
  const { udpPort } = place;
  const door = `${where} port ${server.port}`;
  switch (code) {
    case 'server-unknown':
      return words(`no server and no machine called ${quote(server.typed)} is known`, [
        'try its address: lanpost doctor <address>',
      ]);
    case 'server-no-route':
      return words(`${where} is in no network that this machine can reach`, [
        'one of the two has a wrong address or mask, or is on another network',
      ]);
    case 'server-gone':
      return words(`nobody has the address ${where} on this network`, [
        'that machine is off, has another address by now, or the switch or access point keeps the two apart',
      ]);
    case 'server-refused':
      return words(`${where} is there, but no server listens at its port ${server.port}`, [
        'start one there: lanpost serve; if it runs, it says which port it has',
      ]);
    case 'server-silent':
      return words(`${where} lets nothing through: neither UDP ${udpPort} nor TCP ${server.port}`, [
        isRejected(server)
          ? 'it is there, and its firewall rejects both; lanpost doctor there says more'
          : 'it is off or elsewhere, or a firewall there or between drops both; lanpost doctor there says more',
      ]);
    case 'server-other':
      if (server.tcp === 'hung-up') {
        return words(`what listens at ${door} hangs up without a word, and no probe is answered`, [
          'another program, or a lanpost server that has no room for one more stranger: try again in a moment',
        ]);
      }
      return words(`what listens at ${door} is not lanpost, and no probe is answered`, [
        'the port of a lanpost server is shown where it was started',
      ]);
    case 'server-udp-only':
      return words(
        `${named(server)} answers probes, but cannot be reached by TCP at port ${server.port}`,
        [whyNoTcp(server)],
      );
    case 'server-tcp-only':
      return words(`${door} can be reached by TCP, but probes are not answered`, [
        `there a firewall keeps UDP ${udpPort} closed, or another program has it; lanpost doctor there says which`,
        `its address works: ${reaching(quote(placeText(server.address ?? server.typed, server.port)), place)}`,
      ]);
    case 'server-fine':
      return words(`${named(server)} can be reached by UDP and TCP`, []);
  }
}

/** What reaches a server that is named, in a verb of where this is said. */
export function reaching(server: string, { atPrompt }: Pick<Place, 'atPrompt'>): string {
  return atPrompt ? `connect ${server}` : `lanpost list ${server}`;
}

function isRejected({ there, tcp }: ServerFacts): boolean {
  return there === true && typeof tcp !== 'string' && tcp.code.startsWith('EHOST');
}

function whyNoTcp({ tcp, port, answer }: ServerFacts): string {
  if (tcp === 'hung-up') {
    return 'it hangs up without a word: it has no room for one more stranger, or another program has that port';
  }
  if (tcp === 'other') return 'another program listens at that port: is it the right one?';
  if (typeof tcp !== 'string' && tcp.code === 'ECONNREFUSED') {
    // Some firewalls answer as a machine does where nothing listens.
    return answer?.port === port
      ? `it says itself that it is there, so a firewall there rejects TCP ${port}; lanpost doctor there says which rule`
      : `nothing listens at that port: the server says that it is at ${answer?.port}`;
  }
  return `a firewall there keeps TCP ${port} closed; lanpost doctor there says which rule`;
}

function words(sentence: string, details: readonly string[]): Words {
  return { sentence, details, commands: [] };
}

function named({ answer, address, typed }: ServerFacts): string {
  const where = quote(address ?? typed);
  return answer === null ? where : `${quote(answer.name)} at ${where}`;
}
