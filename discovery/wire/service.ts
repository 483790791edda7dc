/** How the first line of every reply ends; the name stands before it. */
export const SERVICE_SUFFIX = "'s File Sharing Service";
