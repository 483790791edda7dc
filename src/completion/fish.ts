import type { Filling, Flag, Grammar, Verb } from './grammar.js';
import { askForServers } from './shells.js';

/** For fish 3.0 and later. */
export function fishScript({ verbs, shared }: Grammar): string {
  const apart = [...shared, ...verbs.flatMap(({ flags }) => flags)]
    .filter(({ value, mayBeBare }) => value !== undefined && !mayBeBare)
    .map(({ name }) => `--${name}`);
  const withServer = verbs.filter(({ needsServer }) => needsServer).flatMap(({ names }) => names);
  return [
    '# Completion of lanpost for fish. In ~/.config/fish/config.fish: lanpost completion fish | source',
    '',
    ...functions([...new Set(apart)].join(' '), withServer.join(' ')),
    'complete -c lanpost -f',
    ...shared.map((flag) => flagLine(flag)),
    ...verbs.flatMap(verbLines),
    '',
  ].join('\n');
}

function functions(apart: string, withServer: string): string[] {
  return [
    '# The verb and the number of the words after it: "get 1". Nothing while there is no verb.',
    'function __lanpost_where',
    '    set -l words (commandline -opc)',
    '    set -l found',
    '    set -l pending',
    '    set -l ended',
    '    set -l several 0',
    '    for word in $words[2..-1]',
    '        if test -n "$pending"',
    '            set pending',
    `        else if test -z "$ended"; and string match -q -- '-*' "$word"`,
    '            switch $word',
    '                case --',
    '                    set ended yes',
    '                case --to "--to=*"',
    '                    set several 1',
    '            end',
    `            contains -- $word ${apart}; and set pending yes`,
    '        else',
    '            set -a found $word',
    '        end',
    '    end',
    '    set -q found[1]; or return',
    '    set -l place (math (count $found) - 1)',
    `    contains -- $found[1] ${withServer}; and set place (math $place + $several)`,
    '    printf "%s\\n" $found[1] $place',
    'end',
    '',
    'function __lanpost_no_verb',
    '    set -l where (__lanpost_where)',
    '    test -z "$where"',
    'end',
    '',
    'function __lanpost_verb',
    '    set -l where (__lanpost_where)',
    '    contains -- "$where[1]" $argv',
    'end',
    '',
    '# Whether this is the place of that number, or, with a plus after it, one from there on.',
    'function __lanpost_place',
    '    set -l where (__lanpost_where)',
    '    contains -- "$where[1]" $argv[2..-1]; or return 1',
    `    if string match -q -- '*+' $argv[1]`,
    `        test $where[2] -ge (string replace -- + '' $argv[1])`,
    '    else',
    '        test $where[2] -eq $argv[1]',
    '    end',
    'end',
    '',
    'function __lanpost_servers',
    `    lanpost completion ${askForServers} </dev/null 2>/dev/null`,
    'end',
    '',
    '# Each name behind those that are typed already.',
    'function __lanpost_lists',
    `    set -l before (string replace -r -- '^(--to=)?["\\']?' '' (commandline -ct) | string match -r -- '^.*,')`,
    '    test -n "$before"; or echo all',
    '    for name in (__lanpost_servers)',
    '        printf "%s%s\\n" "$before" "$name"',
    '    end',
    'end',
    '',
  ];
}

function verbLines({ names, summary, flags, places }: Verb): string[] {
  const which = names.join(' ');
  return [
    '',
    ...names.map((one) => line('-n __lanpost_no_verb', `-a ${one}`, `-d ${quoted(summary)}`)),
    ...flags.map((flag) => flagLine(flag, `-n ${quoted(`__lanpost_verb ${which}`)}`)),
    ...places.flatMap((filling, place) => {
      const number = place === places.length - 1 ? `${place}+` : String(place);
      const offer = offerOf(filling);
      const condition = `-n ${quoted(`__lanpost_place ${number} ${which}`)}`;
      const about = filling.kind === 'server' ? '-d server' : '';
      return offer === undefined ? [] : [line(condition, offer, about)];
    }),
  ];
}

function flagLine({ name, short, meaning, value, filling }: Flag, condition = ''): string {
  const letter = short === undefined ? '' : `-s ${short}`;
  const needs = value === undefined ? '' : '-r';
  const files = filling.kind === 'local' || value === undefined ? '' : '-f';
  const offer = value === undefined ? '' : (offerOf(filling) ?? '');
  return line(condition, `-l ${name}`, letter, needs, files, offer, `-d ${quoted(meaning)}`);
}

function line(...parts: readonly string[]): string {
  return ['complete -c lanpost', ...parts.filter((part) => part !== '')].join(' ');
}

function offerOf(filling: Filling): string | undefined {
  switch (filling.kind) {
    case 'server':
      return `-a '(__lanpost_servers)'`;
    case 'servers':
      return `-a '(__lanpost_lists)'`;
    case 'local':
      return '-F';
    case 'words':
      return `-a ${quoted(filling.words.join(' '))}`;
    case 'unknown':
      return undefined;
  }
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
