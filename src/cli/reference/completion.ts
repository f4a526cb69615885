/** Shell completion, made from the command tree. Pure. */
import type { Command } from 'commander';
import { CODEC_ROWS } from '../../compression/codecs.js';
import { Failure } from '../../errors.js';

interface Node {
  readonly name: string;
  readonly description: string;
  /** Of its argument; undefined: files, if any. */
  readonly words: readonly string[] | undefined;
  readonly options: readonly {
    readonly flags: readonly string[];
    readonly description: string;
    readonly takesValue: boolean;
    readonly values: Values;
  }[];
}

/** What completes an option's value: these words, the hosts that this machine knows, the numbers of the host that was named, or files. */
type Values = readonly string[] | 'hosts' | 'numbers' | 'files';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

function valuesOf(long: string | undefined, flags: string): Values {
  if (long === '--host') return 'hosts';
  if (long === '--number') return 'numbers';
  if (long === '--compress') return CODEC_ROWS.map(({ name }) => name);
  const choices = /<([a-z0-9]+(?:\|[a-z0-9]+)+)>/.exec(flags)?.[1];
  return choices?.split('|') ?? 'files';
}

function nodes(program: Command): Node[] {
  const help = program.createHelp();
  return [program, ...help.visibleCommands(program).filter((command) => command.name() !== 'help')].map(
    (command) => ({
      name: command.name(),
      description: command.description(),
      words: command.registeredArguments[0]?.name() === 'SHELL' ? SHELLS : undefined,
      options: help
        .visibleOptions(command)
        .map(({ short, long, flags, description, required, optional }) => ({
          flags: [short, long].flatMap((flag) => flag ?? []),
          description,
          takesValue: required || optional,
          values: valuesOf(long, flags),
        })),
    }),
  );
}

/** @throws Failure `usage` for another shell */
export function completionScript(program: Command, shell: string): string {
  const [root, ...commands] = nodes(program);
  if (root === undefined) throw new Failure('internal', 'an empty command tree');
  if (shell === 'bash') return bashScript(root, commands);
  if (shell === 'zsh') return zshScript(root, commands);
  if (shell === 'fish') return fishScript(root, commands);
  throw new Failure('usage', `no completion for ${shell}: bash, zsh or fish`);
}

function bashScript(root: Node, commands: readonly Node[]): string {
  const flagsOf = (node: Node): string => node.options.flatMap(({ flags }) => flags).join(' ');
  const wordsOf = (values: Exclude<Values, 'files'>): string =>
    values === 'hosts'
      ? `"$(${root.name} completion hosts 2>/dev/null)"`
      : values === 'numbers'
        ? `"$(${root.name} completion numbers "$host" 2>/dev/null)"`
        : `'${values.join(' ')}'`;
  /** By what completes them: their flags. */
  const withValue = new Map<string, Set<string>>();
  for (const { flags, takesValue, values } of [root, ...commands].flatMap(({ options }) => options)) {
    if (!takesValue) continue;
    const generator = values === 'files' ? '-f' : `-W ${wordsOf(values)}`;
    withValue.set(generator, new Set([...(withValue.get(generator) ?? []), ...flags]));
  }
  return `# bash completion of ${root.name}
_backuppc_b2() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= host= i
  COMPREPLY=()
  # --host=web is three words here.
  if [[ $word == = ]]; then word=; elif [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD - 1; i++)); do
    [[ \${COMP_WORDS[i]} == --host ]] || continue
    host=\${COMP_WORDS[i+1]}
    [[ $host != = ]] || host=\${COMP_WORDS[i+2]}
  done
  case $previous in
${[...withValue]
  .map(
    ([generator, flags]) =>
      `    ${[...flags].join('|')})\n      mapfile -t COMPREPLY < <(compgen ${generator} -- "$word")\n      return ;;`,
  )
  .join('\n')}
  esac
  for ((i = 1; i < COMP_CWORD; i++)); do
    case \${COMP_WORDS[i]} in
      ${commands.map(({ name }) => name).join('|')}) command=\${COMP_WORDS[i]}; break ;;
    esac
  done
  local words=
  case $command in
    '') words='${commands.map(({ name }) => name).join(' ')} ${flagsOf(root)}' ;;
${commands
  .map((node) => {
    const flags = `words='${flagsOf(node)} ${flagsOf(root)}'`;
    if (node.words === undefined) return `    ${node.name}) ${flags} ;;`;
    return `    ${node.name}) words='${node.words.join(' ')}'; [[ $word != -* ]] || ${flags} ;;`;
  })
  .join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _backuppc_b2 ${root.name}
`;
}

function zshScript(root: Node, commands: readonly Node[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  const described = (text: string): string => text.replace(/[[\]:]/g, (char) => `\\${char}`);
  const completed = (values: Values): string =>
    values === 'files'
      ? '_files'
      : values === 'hosts' || values === 'numbers'
        ? `_backuppc_b2_${values}`
        : `(${values.join(' ')})`;
  // zsh completes nothing where an option is defined twice: --help is one of each command and of the program.
  const specs = (...of: readonly Node[]): string =>
    [...new Map(of.flatMap(({ options }) => options).map((option) => [option.flags.join(), option])).values()]
      .flatMap(({ flags, description, takesValue, values }) =>
        flags.map(
          (flag) =>
            `      ${quoted(`${flag}${takesValue && flag.startsWith('--') ? '=' : ''}[${described(description)}]${takesValue ? `:value:${completed(values)}` : ''}`)}`,
        ),
      )
      .join(' \\\n');
  return `#compdef ${root.name}
# zsh completion of ${root.name}
_backuppc_b2_hosts() {
  local -a hosts
  hosts=(\${(f)"$(${root.name} completion hosts 2>/dev/null)"})
  compadd -a hosts
}
_backuppc_b2_numbers() {
  local -a numbers
  local host=\${\${(M)words:#--host=*}[1]#--host=}
  [[ -n $host ]] || host=\${words[\${words[(i)--host]}+1]}
  numbers=(\${(f)"$(${root.name} completion numbers "$host" 2>/dev/null)"})
  compadd -a numbers
}
_backuppc_b2() {
  local -a commands
  commands=(
${commands.map(({ name, description }) => `    ${quoted(`${name}:${described(description)}`)}`).join('\n')}
  )
  local command=\${words[(r)(${commands.map(({ name }) => name).join('|')})]}
  case $command in
${commands
  .map((node) => {
    // The command itself is the first argument: without a word of it nothing behind it is completed.
    const argument = ` '1: :' ${node.words === undefined ? "'*:file:_files'" : `'2:word:(${node.words.join(' ')})'`}`;
    return `    ${node.name}) _arguments${argument} \\\n${specs(node, root)} ;;`;
  })
  .join('\n')}
    *) _arguments '1:command:->command' \\
${specs(root)}
      [[ $state = command ]] && _describe command commands ;;
  esac
}
compdef _backuppc_b2 ${root.name}
`;
}

function fishScript(root: Node, commands: readonly Node[]): string {
  const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const line = (condition: string, words: string, description: string): string =>
    `complete -c ${root.name}${condition === '' ? '' : ` -n ${quoted(condition)}`} ${words} -d ${quoted(description)}`;
  const wordsOf = (values: Exclude<Values, 'files'>): string =>
    values === 'hosts'
      ? `(${root.name} completion hosts 2>/dev/null)`
      : values === 'numbers'
        ? `(${root.name} completion numbers (__backuppc_b2_host) 2>/dev/null)`
        : values.join(' ');
  const options = (node: Node, condition: string): string[] =>
    node.options.map(({ flags, description, takesValue, values }) => {
      const named = flags.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      // -r: a value follows, for which fish offers files; -x: nothing but these.
      const value = values === 'files' ? '-r' : `-x -a ${quoted(wordsOf(values))}`;
      return line(condition, [...named, ...(takesValue ? [value] : [])].join(' '), description);
    });
  return [
    `# fish completion of ${root.name}`,
    'function __backuppc_b2_host',
    '    set -l tokens (commandline -opc)',
    '    for i in (seq (count $tokens))',
    '        switch $tokens[$i]',
    "            case '--host=*'",
    "                string replace -- --host= '' $tokens[$i]",
    '            case --host',
    '                echo $tokens[(math $i + 1)]',
    '        end',
    '    end',
    'end',
    ...options(root, ''),
    ...commands.map(({ name, description }) => line('__fish_use_subcommand', `-f -a ${name}`, description)),
    ...commands.flatMap(({ name, words }) =>
      words === undefined
        ? []
        : [line(`__fish_seen_subcommand_from ${name}`, `-f -a ${quoted(words.join(' '))}`, 'shell')],
    ),
    ...commands.flatMap((node) => options(node, `__fish_seen_subcommand_from ${node.name}`)),
    '',
  ].join('\n');
}
