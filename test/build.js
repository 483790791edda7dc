// Builds the program as it is shipped: node test/build.js [--watch]
import process from 'node:process';
import { watch } from 'rolldown';
import { buildProgram, program } from './support/bundle.js';

if (process.argv.includes('--watch')) {
  watch(program).on('event', (event) => {
    if (event.code === 'BUNDLE_END') process.stdout.write(`built in ${event.duration} ms\n`);
    if (event.code === 'ERROR') process.stderr.write(`${event.error.message}\n`);
  });
} else {
  await buildProgram();
}
