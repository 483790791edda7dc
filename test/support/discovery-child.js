// Runs inside a network namespace, built with what it uses of the program: `serve`, `crowd` or `scan`, options as JSON.
// Speaks in lines of JSON on standard output; ends when its standard input does.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import process from 'node:process';
import { performance } from 'node:perf_hooks';
import { neighbourhoodOf } from '#discovery/addresses.js';
import { createAnswering } from '#discovery/answering.js';
import { createInbox } from '#discovery/inbox.js';
import { startResponder } from '#discovery/responder.js';
import { scan } from '#discovery/scanner.js';

const [mode, json] = process.argv.slice(2);
const options = JSON.parse(json);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function serve({ port, announcements }) {
  const start = (announcement) =>
    startResponder({ port, announcement: () => announcement, observe: say });
  const responders = await Promise.all(announcements.map(start));
  say({ kind: 'ready' });
  await once(process.stdin.resume(), 'end');
  for (const responder of responders) await responder[Symbol.asyncDispose]();
}

/**
 * One socket per family hears each probe for all, and each answers it by the rules of the product from addresses of its own:
 * a thousand machines in one process.
 */
async function crowd({ port, count }) {
  const infos = Object.values(networkInterfaces()).flat();
  const addresses = (wanted) =>
    infos.filter(({ family, internal }) => family === wanted && !internal).slice(-count);
  const neighbourhood = neighbourhoodOf(networkInterfaces());
  const inboxes = [];
  const sockets = [];
  const answerings = await Promise.all(
    Array.from({ length: count }, async (_, number) => {
      const announcement = {
        id: String(number).padStart(52, '0'),
        run: 'run00000',
        name: `Machine ${number}`,
        port: 30001,
        code: true,
      };
      const answering = createAnswering({
        announcement: () => announcement,
        observe: () => undefined,
        neighbourhood,
        random: Math.random,
        now: () => performance.now(),
      });
      for (const family of ['IPv4', 'IPv6']) {
        const info = addresses(family)[number];
        if (info === undefined) continue;
        const inbox = createInbox(1000);
        inboxes.push({ family, inbox });
        void answering.serve({ datagrams: inbox, send: await senderAt(info, sockets) });
      }
      return answering;
    }),
  );
  for (const family of ['IPv4', 'IPv6']) {
    const heard = createSocket(
      family === 'IPv4' ? { type: 'udp4' } : { type: 'udp6', ipv6Only: true },
    );
    sockets.push(heard);
    // The two broadcasts of a round reach each machine together; here the second waits until a thousand have had the first.
    let before = { from: 0, atMs: 0 };
    heard.on('message', (bytes, { address, port: from }) => {
      const atMs = performance.now();
      if (before.from === from && atMs - before.atMs < 50) return;
      before = { from, atMs };
      for (const one of inboxes) {
        if (one.family === family) one.inbox.offer({ bytes, address, port: from });
      }
    });
    heard.bind(port, family === 'IPv4' ? '0.0.0.0' : '::');
    await once(heard, 'listening');
    if (family === 'IPv6') heard.addMembership('ff12::7530', '::%e0');
  }
  say({ kind: 'ready' });
  await once(process.stdin.resume(), 'end');
  for (const answering of answerings) answering.stop();
  for (const socket of sockets) socket.close();
}

async function senderAt({ family, address }, sockets) {
  const socket = createSocket(family === 'IPv4' ? 'udp4' : 'udp6');
  sockets.push(socket);
  socket.bind(0, family === 'IPv4' ? address : `${address}%e0`);
  await once(socket, 'listening');
  return (bytes, port, to) =>
    new Promise((resolve) => {
      socket.send(bytes, port, to, (error) => {
        resolve(error?.code ?? null);
      });
    });
}

async function scanOnce({ port, timeoutMs }) {
  const startedAt = performance.now();
  const findings = [];
  let end = null;
  const observe = (event) => {
    if (event.kind === 'scan-ended') end = event;
  };
  for await (const finding of scan({ port, timeoutMs, known: [], observe })) {
    findings.push({ ...finding, atMs: performance.now() - startedAt });
    say({ kind: 'found', id: finding.server.id });
  }
  const peakMiB = process.resourceUsage().maxRSS / 1024;
  return { kind: 'scan', findings, end, peakMiB };
}

if (mode === 'serve') await serve(options);
else if (mode === 'crowd') await crowd(options);
else for (let i = 0; i < options.times; i += 1) say(await scanOnce(options));
