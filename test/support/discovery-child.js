// Runs inside a network namespace, built with what it uses of the program: `serve` or `scan`, options as JSON.
// Speaks in lines of JSON on standard output; ends when its standard input does.
import { once } from 'node:events';
import process from 'node:process';
import { performance } from 'node:perf_hooks';
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

async function scanOnce({ port, timeoutMs }) {
  const startedAt = performance.now();
  const findings = [];
  let end = null;
  const observe = (event) => {
    if (event.kind === 'scan-ended') end = event;
  };
  for await (const finding of scan({ port, timeoutMs, known: [], observe })) {
    findings.push({ ...finding, atMs: performance.now() - startedAt });
  }
  return { kind: 'scan', findings, end };
}

if (mode === 'serve') await serve(options);
else for (let i = 0; i < options.times; i += 1) say(await scanOnce(options));
