import { SharingError } from '#sharing/errors.js';
import type { Device } from '#sharing/identity/device.js';
import { deviceId } from '#sharing/id.js';
import { constants, type KeyObject } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** The name of our protocol inside TLS (RFC 7301). */
const alpn = 'lanpost/1';

/** How the one line begins that plain text is answered with (PROTOCOL.md, "Channel"). */
export const plaintextStart = 'lanpost speaks TLS only';

/**
 * Ciphers of TLS 1.3, the one that is preferred first. AES with 128 bits is as strong as the keys that both sides show, takes
 * less time than the 256 bits that OpenSSL prefers, and every implementation has it (RFC 8446, section 9.1).
 */
const ciphers = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
].join(':');

/** What both sides of the channel ask of TLS (PROTOCOL.md, "Channel"). */
export function channelOptions({ key, certificate }: Device): {
  readonly key: string;
  readonly cert: string;
  readonly minVersion: 'TLSv1.3';
  readonly ciphers: string;
  readonly ALPNProtocols: string[];
  readonly secureOptions: number;
  readonly ca: [];
  readonly rejectUnauthorized: false;
} {
  return {
    key,
    cert: certificate,
    minVersion: 'TLSv1.3',
    ciphers,
    ALPNProtocols: [alpn],
    // A resumed session shows no certificate, so nobody may resume.
    secureOptions: constants.SSL_OP_NO_TICKET,
    // No authority signs our certificates: the key itself is checked, below. To read those that Node knows takes it 20 ms.
    ca: [],
    rejectUnauthorized: false,
  };
}

/**
 * The id of the key that the other side proved to hold. Never `socket.authorized`, which Node sets even
 * for a resumed session without a certificate. Throws SharingError `not-lanpost`.
 */
export function peerIdOf(socket: TLSSocket): string {
  if (socket.getProtocol() !== 'TLSv1.3') throw notOurs('not TLS 1.3');
  if (socket.isSessionReused()) throw notOurs('a resumed session');
  if (socket.alpnProtocol !== alpn) throw notOurs('another protocol inside TLS');
  const publicKey = socket.getPeerX509Certificate()?.publicKey;
  if (!publicKey) throw notOurs('no certificate');
  if (!isOurKind(publicKey)) throw notOurs(`a ${String(publicKey.asymmetricKeyType)} key`);
  return deviceId(publicKey);
}

/** ECDSA P-256 or Ed25519 (PROTOCOL.md, "Channel"). */
function isOurKind({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  if (asymmetricKeyType === 'ed25519') return true;
  return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1';
}

function notOurs(what: string): SharingError {
  return new SharingError('not-lanpost', what, { what });
}

/**
 * 32 bytes that only the two ends of this channel have (RFC 8446, section 7.5). They say nothing of the client's
 * certificate, so whoever binds something to them binds it to both ids too.
 */
export function exporterOf(socket: TLSSocket): Buffer {
  return socket.exportKeyingMaterial(32, 'EXPORTER-lanpost-pair-v1', Buffer.alloc(0));
}
