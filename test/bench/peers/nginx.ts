import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../support/ports.js';
import { listens, locate, startDaemon, timed, type Command, type Daemon } from '../programs.js';
import type { World } from '../world.js';

/** A running nginx that serves the folder of sources, and curl to fetch from it. */
export interface Nginx extends Daemon {
  http(name: string, to: string): Command;
  /** TLS 1.3 with a certificate of its own that curl does not check. */
  https(name: string, to: string): Command;
}

/** Where nginx stands: `through` starts a program there, and it is reached at `address`. */
export interface Stand {
  readonly address: string;
  readonly through: readonly string[];
  /** Starts a client that reaches it. */
  readonly clientThrough: readonly string[];
}

const here: Stand = { address: '127.0.0.1', through: [], clientThrough: [] };

/** Throws Unavailable when it cannot be had. */
export async function startNginx(world: World, stand = here): Promise<Nginx> {
  const folder = join(world.tools, `nginx-${stand.address}`);
  await mkdir(folder, { mode: 0o700 });
  const [nginx, curl] = [locate('nginx'), locate('curl')];
  const ports = { http: await freePort('tcp'), https: await freePort('tcp') };
  await makeCertificate(folder);
  const settings = join(folder, 'nginx.conf');
  await writeFile(settings, settingsOf(folder, world.source, stand.address, ports));
  const words = [...stand.through, nginx, '-e', join(folder, 'log'), '-c', settings];
  const answers = async (): Promise<boolean> => {
    if (stand === here) return listens(ports.https);
    const asked = [curl, '-sko', '/dev/null', `https://${stand.address}:${ports.https}/`];
    return timed({ words: [...stand.clientThrough, ...asked] }).then(
      () => true,
      () => false,
    );
  };
  const daemon = await startDaemon({ words }, join(folder, 'log'), answers);
  const fetch = (scheme: 'http' | 'https') => (name: string, to: string) => ({
    words: [
      ...[...stand.clientThrough, curl, '-sSkf', '-o', to],
      `${scheme}://${stand.address}:${ports[scheme]}/${name}`,
    ],
  });
  return { ...daemon, http: fetch('http'), https: fetch('https') };
}

async function makeCertificate(folder: string): Promise<void> {
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'certificate.pem')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const rest = ['-days', '2', '-subj', '/CN=bench'];
  await timed({ words: [locate('openssl'), 'req', '-x509', ...kind, ...files, ...rest] });
}

function settingsOf(
  folder: string,
  root: string,
  address: string,
  { http, https }: { readonly http: number; readonly https: number },
): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${folder}/${kind};\n`)
    .join('');
  return `${process.getuid?.() === 0 ? 'user root;\n' : ''}daemon off;
worker_processes 2;
pid ${folder}/pid;
events {}
http {
  sendfile on;
  access_log off;
${temporary}  server {
    listen ${address}:${http};
    listen ${address}:${https} ssl;
    ssl_protocols TLSv1.3;
    ssl_certificate ${folder}/certificate.pem;
    ssl_certificate_key ${folder}/key.pem;
    root ${root};
  }
}
`;
}
