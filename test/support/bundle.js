import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { build } from 'rolldown';

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'dist');

/** A file of its own each, for a thread is started from a file. */
const laneThread = { 'lane-thread': 'sharing/transfer/lane-thread.ts' };
export const threads = { ...laneThread, 'ciao-worker': 'discovery/mdns/ciao-worker.ts' };

/** How sources become something that Node runs, and runs as it is written here: for the program and for tests. */
export const bundling = {
  cwd: root,
  platform: 'node',
  tsconfig: false,
  transform: { target: 'node20.19' },
  // Native parts, and what is large and seldom needed, stay where npm put them.
  external: [/^@napi-rs\//, /^@peculiar\//, /^@homebridge\//, 'reflect-metadata', /^pino/],
  resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
};

/** Says beside files what kind of modules they are; those of the sources are said by package.json above. */
function kindOfModules(type) {
  return {
    name: 'kind-of-modules',
    generateBundle() {
      const source = `${JSON.stringify({ type })}\n`;
      this.emitFile({ type: 'asset', fileName: 'package.json', source });
    },
  };
}

/**
 * The program: a file for all that belongs together, so that a start reads tens of files instead of hundreds; most of
 * the time of a small transfer is the start. What only some commands need stays apart and is loaded when asked for.
 * CommonJS, for Node is 5 to 10 ms later with the first ES module.
 */
export const program = {
  ...bundling,
  input: { lanpost: 'src/main.ts', demo: 'src/demo.ts', ...threads },
  plugins: [kindOfModules('commonjs')],
  output: {
    format: 'cjs',
    dir: dist,
    entryFileNames: '[name].js',
    chunkFileNames: 'chunk-[name]-[hash].js',
    sourcemap: true,
    // A third less to read at each start; names stay, for stacks.
    minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
    // What every start reads is one file, and what help reads is another.
    codeSplitting: {
      groups: [
        { name: 'early', test: /src\/(early|exit-codes)\.ts|package\.json/ },
        {
          name: 'start',
          test: /src\/process\/(loss|process|state-place|system)\.ts|sharing\/errors\.ts/,
        },
        {
          name: 'words',
          test: /src\/command\/(command|help-text|registry)\.ts|config\/(describe|quantity|settings)\.ts/,
        },
      ],
    },
  },
};

/** Builds the program anew, and its manual page. */
export async function buildProgram() {
  rmSync(dist, { recursive: true, force: true });
  await build(program);
  const page = execFileSync(process.execPath, [join(dist, 'lanpost.js'), 'help', '--man']);
  writeFileSync(join(dist, 'lanpost.1'), page);
}

/** Builds a script of the tests with the parts of the program that it uses; gives the file to run. */
export async function buildScript(path) {
  const name = basename(path, '.js');
  // Test files run side by side, and each builds what it needs.
  const dir = join(dist, 'test', `${name}-${process.pid}`);
  const input = { [name]: join('test', path), ...laneThread };
  const plugins = [kindOfModules('module')];
  await build({ ...bundling, input, plugins, output: { dir, sourcemap: true } });
  return join(dir, `${name}.js`);
}
