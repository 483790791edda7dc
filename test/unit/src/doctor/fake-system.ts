import type { Ran, System } from '#src/process/system.js';

export interface Told {
  readonly files?: Readonly<Record<string, string>>;
  /** Where links lead; their folders are listed by them. */
  readonly links?: Readonly<Record<string, string>>;
  /** Output by command line; a number is the exit code of one that fails. */
  readonly programs?: Readonly<Record<string, string | number>>;
  readonly system?: Partial<Pick<System, 'platform' | 'release' | 'isRoot' | 'sudoUser'>>;
}

/** A system of text: the files, links and programs of a test, and nothing else. */
export function fakeSystem({ files = {}, links = {}, programs = {}, system = {} }: Told): System {
  const paths = [...Object.keys(files), ...Object.keys(links)];
  return {
    platform: 'linux',
    release: '6.1.0',
    isRoot: true,
    sudoUser: null,
    ...system,
    readText: (path) => Promise.resolve(files[path] ?? null),
    list: (folder) => {
      const below = paths.filter((path) => path.startsWith(`${folder}/`));
      const names = below.map((path) => path.slice(folder.length + 1).split('/')[0] ?? '');
      return Promise.resolve([...new Set(names)]);
    },
    linkOf: (path) => Promise.resolve(links[path] ?? null),
    run: (program, words) => Promise.resolve(ran(programs[[program, ...words].join(' ')])),
  };
}

function ran(told: string | number | undefined): Ran | null {
  if (told === undefined) return null;
  return typeof told === 'string'
    ? { code: 0, output: told, error: '' }
    : { code: told, output: '', error: 'you must be root' };
}
