/** Completion scripts for bash, zsh and fish. They are static once printed: nothing is called or expanded while the user types. */
import type { SettingSpec } from '../design/setting-specs.ts';
import type { Command, Flag } from './command.ts';
import { flagsOf, specsOf } from './program.ts';

export interface Declarations {
  readonly commands: readonly Command[];
  readonly specs: readonly SettingSpec[];
}

interface Word {
  readonly word: string;
  readonly description: string;
}

interface FlagWord extends Word {
  readonly short?: string;
  /** Absent for a switch; empty if any text (a file, a name) may follow. */
  readonly values?: readonly string[];
}

interface Node {
  /** Words that lead to this level: `''`, `install`, `sandbox run`. */
  readonly path: string;
  readonly words: readonly Word[];
  readonly flags: readonly FlagWord[];
}

export function completionScript(shell: 'bash' | 'zsh' | 'fish', declarations: Declarations): string {
  const nodes = nodesOf(declarations);
  return { bash, zsh, fish }[shell](nodes);
}

function nodesOf({ commands, specs }: Declarations): readonly Node[] {
  const shown = commands.filter(({ hidden }) => !hidden);
  const below = (path: string): readonly Word[] =>
    shown
      .filter(({ name }) => name.split(' ').slice(0, -1).join(' ') === path)
      .map(({ name, summary }) => ({ word: name.split(' ').at(-1) ?? name, description: summary }));
  const help = { word: '--help', short: '-h', description: 'show help' };
  const root: Node = { path: '', words: below(''), flags: [help, { word: '--version', short: '-V', description: 'print the version' }] };
  return [
    root,
    ...shown.map((command) => ({
      path: command.name,
      words: [...below(command.name), ...(command.argument?.choices ?? []).map((word) => ({ word, description: '' }))],
      flags: [...specsOf(command, specs).flatMap(settingWords), ...flagsOf(command).map(flagWord), help],
    })),
  ];
}

function settingWords(spec: SettingSpec): readonly FlagWord[] {
  if (spec.kind !== 'boolean') return [{ word: spec.flag, description: spec.description, values: spec.choices ?? [] }];
  return [
    { word: spec.flag, description: spec.description },
    { word: `--no-${spec.flag.slice(2)}`, description: `do not ${spec.description}` },
  ];
}

const flagWord = ({ flag, short, placeholder, choices, description }: Flag): FlagWord => ({
  word: flag,
  ...(short && { short }),
  description,
  ...(placeholder && { values: choices ?? [] }),
});

/** Single quotes stop every expansion in all three shells. */
const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
const fishQuote = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", `\\'`)}'`;

const valued = (nodes: readonly Node[]) => [
  ...new Map(
    nodes
      .flatMap(({ flags }) => flags)
      .filter(({ values }) => values !== undefined)
      .map((flag) => [flag.word, flag]),
  ).values(),
];

function bash(nodes: readonly Node[]): string {
  const takers = valued(nodes);
  return `# bash completion for loki-eks
_loki_eks() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} at='' word skip='' i
  case $before in
${takers
  .filter(({ values }) => values?.length)
  .map(({ word, values }) => `    ${word}) COMPREPLY=($(compgen -W ${quote((values ?? []).join(' '))} -- "$current")); return ;;`)
  .join('\n')}
    ${takers
      .filter(({ values }) => !values?.length)
      .map(({ word }) => word)
      .join('|')}) COMPREPLY=($(compgen -f -- "$current")); return ;;
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $skip ]]; then skip=''; continue; fi
    case $word in
      ${takers.map(({ word }) => word).join('|')}) skip=1 ;;
      -*) ;;
      *) at="\${at:+$at }$word" ;;
    esac
  done
  case $at in
${nodes.map(({ path, words, flags }) => `    ${quote(path)}) COMPREPLY=($(compgen -W ${quote([...words.map(({ word }) => word), ...flags.map(({ word }) => word)].join(' '))} -- "$current")) ;;`).join('\n')}
    'sandbox run '*) COMPREPLY=($(compgen -c -- "$current")) ;;
  esac
}
complete -F _loki_eks loki-eks
`;
}

function zsh(nodes: readonly Node[]): string {
  const takers = valued(nodes);
  const item = ({ word, description }: Word) => quote(description ? `${word.replaceAll(':', '\\:')}:${description}` : word);
  return `#compdef loki-eks
# zsh completion for loki-eks
_loki_eks() {
  local before=\${words[CURRENT-1]} at='' word skip='' i
  local -a items
  case $before in
${takers
  .filter(({ values }) => values?.length)
  .map(({ word, values }) => `    ${word}) compadd -- ${(values ?? []).map(quote).join(' ')}; return ;;`)
  .join('\n')}
    ${takers
      .filter(({ values }) => !values?.length)
      .map(({ word }) => word)
      .join('|')}) _files; return ;;
  esac
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    if [[ -n $skip ]]; then skip=''; continue; fi
    case $word in
      ${takers.map(({ word }) => word).join('|')}) skip=1 ;;
      -*) ;;
      *) at="\${at:+$at }$word" ;;
    esac
  done
  case $at in
${nodes.map(({ path, words, flags }) => `    ${quote(path)}) items=(${[...words, ...flags].map(item).join(' ')}) ;;`).join('\n')}
    *) _default; return ;;
  esac
  _describe 'loki-eks' items
}
if [[ $funcstack[1] == _loki_eks ]]; then _loki_eks "$@"; else compdef _loki_eks loki-eks; fi
`;
}

function fish(nodes: readonly Node[]): string {
  const when = (path: string, all: readonly Node[]) => {
    const words = path.split(' ').filter(Boolean);
    const deeper = all
      .filter(({ path: other }) => other.startsWith(path === '' ? '' : `${path} `) && other.split(' ').length === words.length + 1 && other !== '')
      .map(({ path: other }) => other.split(' ').at(-1));
    const here = words.length === 0 ? '__fish_use_subcommand' : words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    return deeper.length > 0 && words.length > 0 ? `${here}; and not __fish_seen_subcommand_from ${deeper.join(' ')}` : here;
  };
  const lines = nodes.flatMap(({ path, words, flags }) => {
    const condition = `complete -c loki-eks -n ${fishQuote(when(path, nodes))}`;
    return [
      ...words.map(({ word, description }) => `${condition} -f -a ${fishQuote(word)}${description ? ` -d ${fishQuote(description)}` : ''}`),
      ...flags.map(
        ({ word, short, description, values }) =>
          `${condition} -l ${word.slice(2)}${short ? ` -s ${short.slice(1)}` : ''} -d ${fishQuote(description)}${values === undefined ? ' -f' : values.length > 0 ? ` -x -a ${fishQuote(values.join(' '))}` : ' -r'}`,
      ),
    ];
  });
  return `# fish completion for loki-eks\n${lines.join('\n')}\n`;
}
