import type { WatchOptions } from 'rolldown';

export const program: WatchOptions;
export function buildProgram(): Promise<void>;
export function buildScript(path: string): Promise<string>;
