#!/usr/bin/env -S node --enable-source-maps
import { runAsProcess } from './process.js';

process.exitCode = await runAsProcess(process.argv.slice(2));
