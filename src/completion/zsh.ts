import type { Filling, Flag, Grammar, Verb } from './grammar.js';
import { askForServers } from './shells.js';

/** For zsh: sourced after `compinit`, or as a file `_lanpost` in a folder of `fpath`. */
export function zshScript({ verbs, shared }: Grammar): string {
  return [
    '#compdef lanpost',
    '# Completion of lanpost for zsh. In ~/.zshrc, after compinit: source <(lanpost completion zsh)',
    '',
    '_lanpost_servers() {',
    '  local -a names',
    `  names=(\${(f)"$(lanpost completion ${askForServers} </dev/null 2>/dev/null)"})`,
    '  compadd "$@" -a names',
    '}',
    '',
    '# A message in its place would keep options from being completed there.',
    '_lanpost_nothing() {',
    '  return 1',
    '}',
    '',
    '_lanpost_lists() {',
    "  compset -P '*,' || compadd -- all",
    '  _lanpost_servers',
    '}',
    '',
    '_lanpost() {',
    '  local curcontext=$curcontext state line ret=1',
    '  local -a shared verbs',
    '  shared=(',
    ...shared.map((flag) => `    ${flagSpec(flag)}`),
    '  )',
    '  verbs=(',
    ...verbs.flatMap(({ names, summary }) =>
      names.map((name) => `    ${quoted(`${name}:${summary}`)}`),
    ),
    '  )',
    '  # What follows the verb, options too, is told apart below.',
    "  _arguments -C -S -A '-*' $shared '1: :->verb' '*:: :->rest' && ret=0",
    '  case $state in',
    '    verb) _describe -t verbs verb verbs && ret=0 ;;',
    '    rest)',
    '      case $words[1] in',
    ...verbs.flatMap(verbCase),
    '      esac',
    '      ;;',
    '  esac',
    '  return ret',
    '}',
    '',
    'if [[ $funcstack[1] == _lanpost ]]; then',
    '  _lanpost "$@"',
    'else',
    '  compdef _lanpost lanpost',
    'fi',
    '',
  ].join('\n');
}

function verbCase({ names, flags, places, needsServer }: Verb): string[] {
  const call = (from: readonly Filling[]): string =>
    ['_arguments -S $shared', ...flags.map(flagSpec), ...from.map(placeSpec(from.length))].join(
      ' ',
    );
  const whole = `${call(places)} && ret=0`;
  if (!needsServer || !flags.some(({ filling }) => filling.kind === 'servers')) {
    return [`        ${names.join('|')}) ${whole} ;;`];
  }
  return [
    `        ${names.join('|')})`,
    '          if (( $words[(I)--to(|=*)] )); then',
    `            ${call(places.slice(1))} && ret=0`,
    '          else',
    `            ${whole}`,
    '          fi',
    '          ;;',
  ];
}

function placeSpec(count: number): (filling: Filling, index: number) => string {
  return (filling, index) =>
    quoted(`${index === count - 1 ? '*' : index + 1}: :${action(filling)}`);
}

function flagSpec({ name, short, meaning, value, filling, mayBeBare }: Flag): string {
  const text = `[${escaped(meaning)}]`;
  if (value === undefined) {
    if (short === undefined) return quoted(`--${name}${text}`);
    return `'(-${short} --${name})'{-${short},--${name}}${quoted(text)}`;
  }
  const optional = mayBeBare ? '::' : ':';
  return quoted(`--${name}=${text}${optional}${escaped(value)}:${action(filling)}`);
}

function action(filling: Filling): string {
  switch (filling.kind) {
    case 'server':
      return '_lanpost_servers';
    case 'servers':
      return '_lanpost_lists';
    case 'local':
      return '_files';
    case 'words':
      return `(${filling.words.join(' ')})`;
    case 'unknown':
      return '_lanpost_nothing';
  }
}

function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
