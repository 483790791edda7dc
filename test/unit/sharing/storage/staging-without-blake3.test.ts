import { openLandingArea } from '#sharing/storage/area.js';
import { openFolder } from '#sharing/storage/folder.js';
import { safeName } from '#sharing/storage/path.js';
import { openStaging } from '#sharing/storage/staging.js';
import { expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../../support/temporary.js';

vi.mock('#sharing/storage/blake3.js', () => ({ blake3: undefined }));

test('a folder that broke off is found again where BLAKE3 is missing', async () => {
  await using target = await openFolder(await temporaryFolder());
  await using area = await openLandingArea(target);
  const photos = safeName('photos');
  await (await openStaging(area, 'PEER', photos)).leave(true);
  const again = await openStaging(area, 'PEER', photos);
  expect(again.leftovers).toBeDefined();
  await again.leave(false);
});
