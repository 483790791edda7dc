#!/usr/bin/env -S node --max-semi-space-size=2
import { runAsProcess } from './process.js';

process.exitCode = await runAsProcess(process.argv.slice(2));
