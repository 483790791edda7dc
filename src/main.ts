#!/usr/bin/env -S node --max-semi-space-size=2
import { answerWithoutStreams } from './early.js';

void start(process.argv.slice(2));

async function start(words: readonly string[]): Promise<void> {
  if (await answerWithoutStreams(words)) return;
  const { runAsProcess } = await import('./process.js');
  process.exitCode = await runAsProcess(words);
}
