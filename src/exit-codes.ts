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

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
