/** How the first line of every reply ends; the name stands before it. */
export const serviceSuffix = "'s File Sharing Service";
