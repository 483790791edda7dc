import { execFileSync, spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { vi } from 'vitest';
import type { Place } from './program.js';

/** What this machine lacks to show a screen, or null. */
export function whyNoScreen(): string | null {
  return spawnSync('tmux', ['-V']).status === 0 ? null : 'tmux missing';
}

/** A screen of its own with a shell on it, as a person has it: tmux draws what it would look like. */
export interface Screen extends AsyncDisposable {
  /** Types a line and Enter. */
  enter(line: string): void;
  /** Presses a key, as tmux calls it: `C-c`. */
  press(key: string): void;
  /** Resolves once these words stand on the screen, `times` times if it is given. */
  until(words: string, times?: number): Promise<void>;
  /** What stands there now: lines with colours (SGR of ECMA-48) and nothing else, the empty ones at the end left out. */
  lines(): string[];
}

export interface ScreenOptions {
  readonly columns: number;
  readonly rows: number;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * Opens it in the folder of a place, and in its network. The shell is `sh`, its prompt `$ `, which stands there: what is typed
 * before it would be shown twice.
 */
export async function openScreen(
  place: Place,
  { columns, rows, environment }: ScreenOptions,
): Promise<Screen> {
  const tmux = (...words: readonly string[]): string =>
    execFileSync('tmux', ['-f', '/dev/null', '-S', `${place.folder}/screen`, ...words], {
      encoding: 'utf8',
    });
  const inside = place.namespace === undefined ? [] : ['ip', 'netns', 'exec', place.namespace];
  const set = Object.entries({ ...environment, PS1: '$ ' }).map(
    ([name, value]) => `${name}=${value}`,
  );
  const size = ['-x', String(columns), '-y', String(rows)];
  const shell = [...inside, 'env', '-i', ...set, 'sh'];
  tmux('new-session', '-d', ...size, '-c', place.folder, ...shell);
  const lines = (): string[] => tmux('capture-pane', '-p', '-e').trimEnd().split('\n');
  const screen: Screen = {
    lines,
    enter(line) {
      tmux('send-keys', '-l', line);
      tmux('send-keys', 'Enter');
    },
    press(key) {
      tmux('send-keys', key);
    },
    async until(words, times = 1) {
      await vi.waitFor(
        () => {
          const shown = stripVTControlCharacters(lines().join('\n'));
          if (shown.split(words).length <= times) throw new Error(`no ${words} in:\n${shown}`);
        },
        { timeout: 20_000, interval: 50 },
      );
    },
    [Symbol.asyncDispose]() {
      spawnSync('tmux', ['-S', `${place.folder}/screen`, 'kill-server']);
      return Promise.resolve();
    },
  };
  try {
    await screen.until('$');
    return screen;
  } catch (error) {
    await screen[Symbol.asyncDispose]();
    throw error;
  }
}
