import type { Frame, FrameDecoder } from '#sharing/wire/frame.js';

/** What these bytes complete. */
export function* framesOf(decoder: FrameDecoder, bytes: Buffer): Generator<Frame, void, undefined> {
  decoder.push(bytes);
  for (let frame = decoder.next(); frame; frame = decoder.next()) yield frame;
}
