/** Exit codes that scripts rely on (README, "Scripts"). */
export const exitCodes = {
  done: 0,
  fault: 1,
  usage: 2,
  unreachable: 3,
  notLetIn: 4,
  files: 5,
  integrity: 6,
  room: 7,
  interrupted: 8,
} as const;

/** What each says, in the words of help, README and manual. */
export const exitMeanings: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'a fault in lanpost itself',
  2: 'wrong use, or settings that cannot work',
  3: 'nobody found, or not reachable',
  4: 'not let in',
  5: 'one or more files failed',
  6: 'data arrived damaged',
  7: 'no room, or over a limit',
  8: 'interrupted; it can go on later',
};

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
