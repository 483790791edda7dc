/** A path of this machine as it was typed, with the slashes that patterns and rows are made with; Windows takes both. */
export function withSlashes(path: string, platform: NodeJS.Platform): string {
  return platform === 'win32' ? path.replaceAll('\\', '/') : path;
}
