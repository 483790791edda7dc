/** The front door to this machine's identity and to what it remembers of others. */
export { openDevice, type Device } from '#sharing/identity/device.js';
export {
  addPeer,
  changePeer,
  forgetPin,
  readKnownPeers,
  type KnownPeer,
  type KnownPeers,
  type Pin,
} from '#sharing/identity/known.js';
export { noteSeen, readSeen, type Seen } from '#sharing/identity/seen.js';
export { readPrivateFile } from '#sharing/identity/state.js';
