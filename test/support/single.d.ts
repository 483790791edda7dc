export function findNode(given?: string): string;
export function makeScript(input: string, path: string): Promise<string>;
export function makeExecutable(node: string, script: string, output: string): string;
export function run(path: string, words: readonly string[]): string;
