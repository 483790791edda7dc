#!/usr/bin/env -S node --max-semi-space-size=2
import { setFlagsFromString } from 'node:v8';
import { runAsProcess } from './process.js';

// Most runs are over before optimised code would pay for its making: with the patience of V8 11 (Node 20) a quarter of the
// processor's time of ten thousand small files goes into compiling. A server still gets there. Later ones have a cheaper way.
if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=1000000');

process.exitCode = await runAsProcess(process.argv.slice(2));
