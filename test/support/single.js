import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { build } from 'rolldown';
import { bundling, threads } from './bundle.js';

const root = join(import.meta.dirname, '../..');
const isWindows = process.platform === 'win32';
/** The major version that is put in when no other is named. */
const wantedNode = 26;
/** Where CommonJS parts ask for what Node brings; there is no file that they could be in. */
const noPlace = JSON.stringify('file:///C:/lanpost.mjs');

/** A Node that can put a script into a copy of itself. */
export function findNode(given) {
  const own = process.versions.node.split('.').map(Number);
  const path = given ?? (isAble(own) ? process.execPath : nodeOfPackage());
  const version = run(path, ['--version']);
  if (isAble(version.slice(1).split('.').map(Number))) return path;
  throw new Error(`${path} is Node ${version}; it takes 25.5 or later (--build-sea)`);
}

function isAble([major, minor]) {
  return major > 25 || (major === 25 && minor >= 5);
}

/** The binary of the npm package `node`, fetched once. */
function nodeOfPackage() {
  const place = join(root, 'node_modules', '.cache', `node-${wantedNode}`);
  const path = join(place, 'node_modules', 'node', 'bin', isWindows ? 'node.exe' : 'node');
  if (existsSync(path)) return path;
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, 'package.json'), '{"private":true}\n');
  const words = ['install', '--no-audit', '--no-fund', '--loglevel=error', `node@${wantedNode}`];
  try {
    run('npm', words, { cwd: place, shell: isWindows });
  } catch (error) {
    throw new Error(
      `npm has no node@${wantedNode} for this machine; name one with --node (${error.message})`,
      { cause: error },
    );
  }
  return path;
}

/** Everything that `input` needs as one script; a thread, which is started from a script of its own, is carried in its address. */
export async function makeScript(input, path) {
  const addresses = new Map();
  for (const [name, thread] of Object.entries(threads)) {
    const code = await bundle(name, thread);
    addresses.set(name, `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`);
  }
  const code = await bundle('main', input, threadAddresses(addresses));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, code);
  return path;
}

async function bundle(name, input, ...plugins) {
  const { output } = await build({
    ...bundling,
    external: [],
    input: { [name]: input },
    plugins: [withoutNativeParts, ...plugins],
    output: { format: 'esm', codeSplitting: false },
    write: false,
  });
  if (output.length !== 1) throw new Error(`${name} became ${output.length} files`);
  return output[0].code.replace(/^#!.*\n/, '').replaceAll('import.meta.url', noPlace);
}

/** Digests fall back to SHA-256, which both sides agree on. */
const withoutNativeParts = {
  name: 'without-native-parts',
  load: (id) => (/storage[\\/]blake3\.ts$/.test(id) ? 'export const blake3 = undefined;' : null),
};

function threadAddresses(addresses) {
  return {
    name: 'thread-addresses',
    transform(code) {
      return code.replaceAll(/new URL\('\.\/([a-z-]+)\.js', import\.meta\.url\)/g, (_, name) => {
        const address = addresses.get(name);
        if (address === undefined) throw new Error(`${name} is no thread that is carried`);
        return `new URL(${JSON.stringify(address)})`;
      });
    },
  };
}

/** Puts the script into a copy of that Node. */
export function makeExecutable(node, script, output) {
  const config = `${script}.json`;
  const form = { mainFormat: 'module', disableExperimentalSEAWarning: true };
  const wish = { ...form, main: script, output };
  writeFileSync(config, JSON.stringify(wish));
  run(node, ['--build-sea', config]);
  if (process.platform === 'darwin') run('codesign', ['--sign', '-', '--force', output]);
  return output;
}

/** Runs a program to its end; gives what it says. Throws when it fails. */
export function run(path, words, options = {}) {
  return execFileSync(path, words, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  }).trim();
}
