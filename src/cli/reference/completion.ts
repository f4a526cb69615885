/** Shell completion, made from the command tree. Pure. */
import type { Command } from 'commander';
import { CODEC_ROWS } from '../../compression/codecs.js';
import { Failure } from '../../errors.js';

interface Node {
  readonly name: string;
  readonly description: string;
  readonly options: readonly {
    readonly flags: readonly string[];
    readonly description: string;
    readonly takesValue: boolean;
    readonly values: Values;
  }[];
}

/** What completes an option's value: these words, the hosts that this machine knows, or files. */
type Values = readonly string[] | 'hosts' | 'files';

function valuesOf(long: string | undefined, flags: string): Values {
  if (long === '--host') return 'hosts';
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
  /** By what completes them: their flags. */
  const withValue = new Map<string, Set<string>>();
  for (const { flags, takesValue, values } of [root, ...commands].flatMap(({ options }) => options)) {
    if (!takesValue) continue;
    const generator =
      values === 'files'
        ? '-f'
        : `-W ${values === 'hosts' ? `"$(${root.name} completion hosts 2>/dev/null)"` : `'${values.join(' ')}'`}`;
    withValue.set(generator, new Set([...(withValue.get(generator) ?? []), ...flags]));
  }
  return `# bash completion of ${root.name}
_backuppc_b2() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= i
  COMPREPLY=()
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
${commands.map((node) => `    ${node.name}) words='${flagsOf(node)} ${flagsOf(root)}' ;;`).join('\n')}
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
    values === 'files' ? '_files' : values === 'hosts' ? '_backuppc_b2_hosts' : `(${values.join(' ')})`;
  const specs = (node: Node): string =>
    node.options
      .flatMap(({ flags, description, takesValue, values }) =>
        flags.map(
          (flag) =>
            `      ${quoted(`${flag}[${described(description)}]${takesValue ? `:value:${completed(values)}` : ''}`)}`,
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
_backuppc_b2() {
  local -a commands
  commands=(
${commands.map(({ name, description }) => `    ${quoted(`${name}:${described(description)}`)}`).join('\n')}
  )
  local command=\${words[(r)(${commands.map(({ name }) => name).join('|')})]}
  case $command in
${commands.map((node) => `    ${node.name}) _arguments \\\n${specs(node)} \\\n${specs(root)} ;;`).join('\n')}
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
  const options = (node: Node, condition: string): string[] =>
    node.options.map(({ flags, description, takesValue, values }) => {
      const named = flags.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      // -r: a value follows, for which fish offers files; -x: nothing but these.
      const value =
        values === 'files'
          ? '-r'
          : `-x -a ${quoted(values === 'hosts' ? `(${root.name} completion hosts 2>/dev/null)` : values.join(' '))}`;
      return line(condition, [...named, ...(takesValue ? [value] : [])].join(' '), description);
    });
  return [
    `# fish completion of ${root.name}`,
    ...options(root, ''),
    ...commands.map(({ name, description }) => line('__fish_use_subcommand', `-f -a ${name}`, description)),
    ...commands.flatMap((node) => options(node, `__fish_seen_subcommand_from ${node.name}`)),
    '',
  ].join('\n');
}
