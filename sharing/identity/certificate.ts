/** Start of validity; a fixed day, so that a machine with a slow clock can be talked to. */
const notBefore = new Date('2020-01-01T00:00:00Z');
const notAfter = new Date('9999-12-31T23:59:59Z');

/**
 * Makes a P-256 key and a self-signed certificate around it, as PEM text: key first. The certificate is
 * only a container: it names nobody, because anyone who connects can read it.
 */
export async function makeIdentity(): Promise<string> {
  // Only a device's first use needs these; they take longer to load than all the rest.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const { subtle } = globalThis.crypto;
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(16)))
      .toString('hex')
      .replace(/^./, '4'),
    name: 'CN=lanpost',
    notBefore,
    notAfter,
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
    ],
  });
  const key = x509.PemConverter.encode(
    await subtle.exportKey('pkcs8', keys.privateKey),
    'PRIVATE KEY',
  );
  return `${key}\n${certificate.toString('pem')}\n`;
}
