/** The shells that have a script. */
export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** The word with which these scripts ask for the names of servers; nobody has to type it. */
export const askForServers = 'servers';
