import type { Filling, Flag, Grammar, Verb } from './grammar.js';
import { askForServers } from './shells.js';

/**
 * For bash, with and without the package bash-completion, and with nothing that the old one of macOS (3.2) lacks. Names of servers are foreign text: they are only
 * ever compared, quoted and handed on, and never given to anything that would expand them, as `compgen -W` does.
 */
export function bashScript({ verbs, shared }: Grammar): string {
  const all = [...shared, ...verbs.flatMap(({ flags }) => flags)];
  const values = [...new Map(all.map((flag) => [flag.name, flag])).values()].filter(
    ({ value }) => value !== undefined,
  );
  const apart = values.filter(({ mayBeBare }) => !mayBeBare).map(({ name }) => `--${name}`);
  return [
    '# Completion of lanpost for bash. In ~/.bashrc: eval "$(lanpost completion bash)"',
    '',
    '# What may stand after an option.',
    '_lanpost_value() {',
    '  case $1 in',
    ...values.flatMap(valueCase),
    '  esac',
    '}',
    '',
    '# What may stand at a place of a verb, the first of which is 0.',
    '_lanpost_place() {',
    '  case $1:$2 in',
    `    :0) kind=words words=(${verbs.flatMap(({ names }) => names).join(' ')}) ;;`,
    ...verbs.flatMap(placeCases),
    '  esac',
    '}',
    '',
    '_lanpost_options() {',
    `  words=(${optionWords(shared)})`,
    '  case $1 in',
    ...verbs
      .filter(({ flags }) => flags.length > 0)
      .map(({ names, flags }) => `    ${names.join('|')}) words+=(${optionWords(flags)}) ;;`),
    '  esac',
    '}',
    '',
    '_lanpost_takes_value() {',
    `  case $1 in ${apart.join('|')}) return 0 ;; esac`,
    '  return 1',
    '}',
    '',
    '_lanpost_needs_server() {',
    `  case $1 in ${namesOf(verbs.filter(({ needsServer }) => needsServer))}) return 0 ;; esac`,
    '  return 1',
    '}',
    engine,
  ].join('\n');
}

function optionWords(flags: readonly Flag[]): string {
  return flags.map(({ name }) => `--${name}`).join(' ');
}

function namesOf(verbs: readonly Verb[]): string {
  return verbs.flatMap(({ names }) => names).join('|');
}

function valueCase({ name, filling }: Flag): string[] {
  return filling.kind === 'unknown' ? [] : [`    --${name}) ${assigned(filling)} ;;`];
}

function placeCases({ names, places }: Verb): string[] {
  return places.flatMap((filling, place) => {
    if (filling.kind === 'unknown') return [];
    const which = place === places.length - 1 ? '*' : String(place);
    const patterns = names.map((name) => `${name}:${which}`);
    return [`    ${patterns.join('|')}) ${assigned(filling)} ;;`];
  });
}

function assigned(filling: Filling): string {
  return filling.kind === 'words'
    ? `kind=words words=(${filling.words.join(' ')})`
    : `kind=${filling.kind}`;
}

const engine = `
_lanpost_offer() {
  local word=$1 form
  [[ $word == "$part"* ]] || return 0
  case $kind$quote in
    words*) form=$word ;;
    *'"')
      # Between double quotes a shell of a terminal takes it for its history, and nothing helps.
      [[ $word == *'!'* ]] && return 0
      form=\${word//\\\\/\\\\\\\\}
      form=\${form//\\"/\\\\\\"}
      form=\${form//\\$/\\\\\\$}
      form=\${form//\\\`/\\\\\\\`}
      ;;
    *"'") form=\${word//\\'/\\'\\\\\\'\\'} ;;
    *) printf -v form '%q' "$word" ;;
  esac
  form=$before$form
  COMPREPLY+=("\${form#"$kept"}")
}

_lanpost() {
  local IFS=$' \\t\\n' rest=\${COMP_LINE:0:COMP_POINT} piece blank i
  local raw='' before='' kept='' part quote='' kind='' option='' pending='' verb='' place=0
  local several='' ended='' word
  local typed=() words=()
  COMPREPLY=()
  # Bash has parted words at = and : as well; what no blank parts belongs together.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    blank=\${rest%%[![:space:]]*}
    rest=\${rest#"$blank"}
    piece=\${COMP_WORDS[i]}
    if ((i == COMP_CWORD)); then piece=$rest; fi
    rest=\${rest#"$piece"}
    if ((i > 0)) && [[ -z $blank ]]; then
      typed[\${#typed[@]}-1]+=$piece
    else
      typed+=("$piece")
    fi
  done
  raw=\${typed[\${#typed[@]}-1]}
  # The last piece is what gets replaced.
  case $piece in
    [=:]*) kept=$raw ;;
    *) kept=\${raw%"$piece"} ;;
  esac
  for ((i = 1; i < \${#typed[@]} - 1; i++)); do
    word=\${typed[i]}
    if [[ -n $pending ]]; then
      pending=''
      continue
    fi
    if [[ -z $ended && $word == -* ]]; then
      case $word in
        --) ended=1 ;;
        --to | --to=*) several=1 ;;
      esac
      if _lanpost_takes_value "$word"; then pending=$word; fi
      continue
    fi
    if [[ -z $verb ]]; then verb=$word; else ((++place)); fi
  done
  if [[ -n $several ]] && _lanpost_needs_server "$verb"; then ((++place)); fi

  part=$raw
  if [[ -n $pending ]]; then
    _lanpost_value "$pending"
  elif [[ -z $ended && $raw == --*=* ]]; then
    before=\${raw%%=*}=
    part=\${raw#*=}
    _lanpost_value "\${raw%%=*}"
  elif [[ -z $ended && $raw == -* ]]; then
    kind=words
    _lanpost_options "$verb"
  else
    _lanpost_place "$verb" "$place"
  fi
  # Readline does these best, tildes and quotes included.
  if [[ $kind == local ]]; then return 0; fi
  type compopt >/dev/null 2>&1 && compopt +o default 2>/dev/null
  case $part in
    [\\"\\']*)
      quote=\${part:0:1}
      before=$before$quote
      part=\${part:1}
      kept=$before
      ;;
  esac
  if [[ $kind == servers && $part == *,* ]]; then
    before=$before\${part%,*},
    part=\${part##*,}
  fi
  if [[ -z $quote ]]; then part=\${part//\\\\/}; fi
  case $kind in
    words) for word in "\${words[@]}"; do _lanpost_offer "$word"; done ;;
    server | servers)
      if [[ $kind == servers && $before != *, ]]; then _lanpost_offer all; fi
      while IFS= read -r word; do
        if [[ -n $word ]]; then _lanpost_offer "$word"; fi
      done < <(lanpost completion ${askForServers} </dev/null 2>/dev/null)
      ;;
  esac
  return 0
}

complete -o default -F _lanpost lanpost
`;
