import type { SharingError } from '#sharing/errors.js';

/** How one file ended well; `as` is its name on the receiving side. */
export type Transferred =
  | {
      readonly outcome: 'received' | 'stored' | 'identical';
      readonly path: string;
      readonly as: string;
      readonly size: number;
      /** `<algorithm>:<hex>`. */
      readonly digest: string;
      /** Its name was taken, so it got a number. */
      readonly renamed?: boolean;
      /** The folder at the top that it lies in, which is told after it. */
      readonly within?: string;
    }
  /** What stands there stays, as the policy says. */
  | {
      readonly outcome: 'skipped';
      readonly path: string;
      readonly as: string;
      readonly within?: string;
    };

/** What became of the files of a folder, or of all of a batch. */
export interface Counts {
  /** Files that came, or were there already. */
  readonly files: number;
  /** Bytes of those that came. */
  readonly bytes: number;
  readonly identical: number;
  readonly skipped: number;
  /** Files whose name was taken, so that they got a number. */
  readonly renamed: number;
  readonly failed: number;
}

/** One line of what is told of a batch. */
export type Ended =
  | Transferred
  | { readonly outcome: 'failed'; readonly path: string; readonly error: SharingError }
  /** A folder stands under its final name, with all in it that did not fail. */
  | ({ readonly outcome: 'folder'; readonly path: string; readonly as: string } & Counts);

export type OnEnded = (ended: Ended) => void;

/** What is in one top folder until it has its name. */
interface Gathered {
  counts: { -readonly [Key in keyof Counts]: number };
  /** Files that are told once the folder has its name; only if each is wanted. */
  readonly files: Transferred[];
}

/** Counts what comes of folders, and tells of a file in one only when its folder stands under its name. */
export interface Gathering {
  /**
   * A file; `top` is the path of the folder at the top that it lies in, undefined when it lies in none. Of one that is only
   * counted the last names of `path` and `as` are enough.
   */
  file(top: string | undefined, ended: Transferred): void;
  failed(top: string | undefined, path: string, error: SharingError): void;
  folder(top: string, as: string): void;
}

/** With `each`, files in folders are told one by one too; they are held in memory until their folder is complete. */
export function gathering(each: boolean, onEnded: OnEnded): Gathering {
  const tops = new Map<string, Gathered>();

  function of(top: string): Gathered {
    const known = tops.get(top);
    if (known) return known;
    const counts = { files: 0, bytes: 0, identical: 0, skipped: 0, renamed: 0, failed: 0 };
    const gathered = { counts, files: [] };
    tops.set(top, gathered);
    return gathered;
  }

  return {
    file(top, ended) {
      if (top === undefined) {
        onEnded(marked(ended));
        return;
      }
      const { counts, files } = of(top);
      if (ended.outcome === 'skipped') counts.skipped += 1;
      else {
        counts.files += 1;
        if (ended.outcome === 'identical') counts.identical += 1;
        else {
          counts.bytes += ended.size;
          if (!hasOwnName(ended)) counts.renamed += 1;
        }
      }
      if (each) files.push(ended);
    },
    failed(top, path, error) {
      if (top !== undefined) of(top).counts.failed += 1;
      onEnded({ outcome: 'failed', path, error });
    },
    folder(top, as) {
      const { counts, files } = of(top);
      tops.delete(top);
      for (const one of files) onEnded({ ...marked(one), as: `${as}/${one.as}`, within: top });
      onEnded({ outcome: 'folder', path: top, as, ...counts });
    },
  };
}

/** The same with the word that it has another name than one with its own at the end. */
export function marked(ended: Transferred, asked?: string): Transferred {
  if (ended.outcome === 'skipped' || ended.outcome === 'identical') return ended;
  return hasOwnName(ended, asked) ? ended : { ...ended, renamed: true };
}

function hasOwnName({ path, as }: Pick<Transferred, 'path' | 'as'>, asked?: string): boolean {
  return as.endsWith(asked ?? lastPart(path));
}

/** On our own disk it may have backslashes. */
function lastPart(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}
