import { access, constants, readdir, readFile, readlink } from 'node:fs/promises';
import { release } from 'node:os';
import { join } from 'node:path';

/** What of the system doctor looks at, besides the network; tests show it another one. */
export interface System {
  readonly platform: NodeJS.Platform;
  /** The version of its kernel. */
  readonly release: string;
  readonly isRoot: boolean;
  /** Who became root by sudo and lost the own home, so that root's settings and servers are looked at; else null. */
  readonly sudoUser: string | null;
  /** The text of a small file; null when there is none that may be read. */
  readText(path: string): Promise<string | null>;
  /** The names in a folder; none when it cannot be read. */
  list(path: string): Promise<readonly string[]>;
  /** Where a link leads; null when that cannot be read. */
  linkOf(path: string): Promise<string | null>;
  /** Runs a program that only shows something, in English; null when there is none of that name. */
  run(program: string, words: readonly string[]): Promise<Ran | null>;
}

export interface Ran {
  /** 0 when it went well; null when it took too long. */
  readonly code: number | null;
  readonly output: string;
  readonly error: string;
}

/** Where the system keeps its programs: whatever else a PATH names is not run, least of all as root. */
const programFolders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** Milliseconds. */
const longestRun = 3000;
const longestOutput = 8 << 20;

export function systemOfProcess(environment: Environment): System {
  const isRoot = process.getuid?.() === 0;
  return {
    platform: process.platform,
    release: release(),
    isRoot,
    sudoUser: isRoot ? sudoUserOf(environment) : null,
    readText: (path) => readFile(path, 'utf8').catch(() => null),
    list: (path) => readdir(path).catch(() => []),
    linkOf: (path) => readlink(path).catch(() => null),
    async run(program, words) {
      const path = await findProgram(program);
      return path === null ? null : runProgram(path, words);
    },
  };
}

type Environment = Readonly<Record<string, string | undefined>>;

function sudoUserOf({ SUDO_UID, SUDO_USER, LANPOST_HOME }: Environment): string | null {
  const isOther = SUDO_UID !== undefined && SUDO_UID !== '0';
  return isOther && (LANPOST_HOME ?? '') === '' ? (SUDO_USER ?? SUDO_UID) : null;
}

async function findProgram(name: string): Promise<string | null> {
  for (const folder of programFolders) {
    const path = join(folder, name);
    const mayRun = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (mayRun) return path;
  }
  return null;
}

async function runProgram(path: string, words: readonly string[]): Promise<Ran> {
  // Few runs of the program need it, and each would wait for it.
  const { execFile } = await import('node:child_process');
  const options = {
    timeout: longestRun,
    maxBuffer: longestOutput,
    env: { PATH: programFolders.join(':'), LC_ALL: 'C' },
  };
  return new Promise((resolve) => {
    execFile(path, words, options, (error, output, said) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, output, error: said });
    });
  });
}
