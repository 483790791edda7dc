import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { replay, whatIsMissing } from '../support/transcript.js';

const folder = import.meta.dirname;
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));

// When words of the product change on purpose, `-u` writes them into these files: read the difference.
describe.concurrent('a session goes as it is written', () => {
  test.for(files)('%s', async (name, { expect, skip }) => {
    const place = join(folder, name);
    const text = await readFile(place, 'utf8');
    const missing = await whatIsMissing(text);
    if (missing !== undefined) {
      process.stderr.write(`skipped: ${name} (${missing})\n`);
      skip(missing);
    }
    await expect(await replay(text)).toMatchFileSnapshot(place);
  });
});
