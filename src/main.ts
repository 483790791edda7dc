#!/usr/bin/env node
import { answerWithoutStreams } from './early.js';

void start(process.argv.slice(2));

async function start(words: readonly string[]): Promise<void> {
  if (await answerWithoutStreams(words)) return;
  const { runAsProcess } = await import('./process/process.js');
  process.exitCode = await runAsProcess(words);
}
