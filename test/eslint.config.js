import eslint from '@eslint/js';
import { join } from 'node:path';
import tseslint from 'typescript-eslint';

const root = join(import.meta.dirname, '..');

const climbing = { regex: '^\\.\\./', message: 'Cross folders by #name, never by climbing.' };
const ioModules = ['net', 'tls', 'fs', 'fs/promises', 'dgram'].flatMap((name) => [
  name,
  `node:${name}`,
]);
const io = { group: ioModules, message: 'This room is pure: no sockets, no files.' };
const trunkOnly = {
  group: ['pino', 'pino-pretty', 'node:readline', 'node:readline/promises', 'node:process'],
  message: 'Only src knows the log, the terminal and the process.',
};
const deepDoor = {
  regex: '^#(config|discovery|sharing)/.+/',
  message: 'Enter a leaf by its front doors: the files that lie directly in its folder.',
};
const socketsInTransport = {
  group: ['net', 'tls', 'node:net', 'node:tls'],
  message: 'Only sharing/transport opens sockets.',
};
const oneDgramUser = {
  group: ['dgram', 'node:dgram', 'dgram-as-promised'],
  message: 'Only discovery/socket.ts opens datagram sockets.',
};

const smallZod = { regex: '^zod$', message: 'Of zod/mini a start loads a quarter as much.' };

/** Rule 1: a leaf imports neither another leaf nor the trunk. */
function otherLeaves(leaf) {
  const others = ['config', 'discovery', 'sharing', 'src'].filter((name) => name !== leaf);
  return { regex: `^#(${others.join('|')})/`, message: `${leaf} stands alone.` };
}

function restrict(...patterns) {
  return { 'no-restricted-imports': ['error', { patterns: [climbing, smallZod, ...patterns] }] };
}

const processBans = ['exit', 'env', 'argv', 'stdout', 'stderr', 'stdin', 'exitCode'].map(
  (property) => ({ object: 'process', property, message: 'Pass it in as a parameter.' }),
);

function leaf(name, ...more) {
  return [
    {
      files: [`${name}/**/*.ts`],
      rules: {
        ...restrict(otherLeaves(name), trunkOnly, ...more),
        'no-restricted-properties': ['error', ...processBans],
      },
    },
  ];
}

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'node_modules'] },
  eslint.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: [join(root, 'test/tsconfig.json')], tsconfigRootDir: root },
    },
    rules: {
      'no-console': 'error',
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit', message: 'Return an exit code instead.' },
        { object: 'process', property: 'env', message: 'Only process.ts and demo.ts read it.' },
      ],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_' }],
    },
  },
  ...leaf('config'),
  ...leaf('discovery', oneDgramUser),
  ...leaf('sharing', socketsInTransport, oneDgramUser),
  {
    files: ['src/**/*.ts'],
    rules: restrict(deepDoor, socketsInTransport, oneDgramUser),
  },
  {
    files: ['src/process/process.ts', 'src/demo.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  // A later block replaces a rule, so each of these repeats the bans of its folder.
  {
    files: ['discovery/socket.ts'],
    rules: restrict(otherLeaves('discovery'), trunkOnly),
  },
  {
    files: ['sharing/transport/*.ts'],
    rules: restrict(otherLeaves('sharing'), trunkOnly, oneDgramUser),
  },
  // Rule 3: the wire and the rules of a session do no input or output.
  {
    files: ['discovery/wire/**/*.ts'],
    rules: restrict(otherLeaves('discovery'), trunkOnly, oneDgramUser, io),
  },
  {
    files: ['sharing/wire/**/*.ts', 'sharing/session/**/*.ts'],
    rules: restrict(otherLeaves('sharing'), trunkOnly, oneDgramUser, io),
  },
  {
    files: ['test/**/*.ts', 'test/bench/run.js'],
    rules: {
      'no-restricted-properties': 'off',
      'no-restricted-imports': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['**/*.js'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
);
