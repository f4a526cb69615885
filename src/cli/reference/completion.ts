/** Shell completion, made from the command tree. Pure. */
import type { Command } from 'commander';
import { Failure } from '../../errors.js';

interface Node {
  readonly name: string;
  readonly description: string;
  readonly options: readonly {
    readonly flags: readonly string[];
    readonly description: string;
    readonly takesValue: boolean;
  }[];
}

function nodes(program: Command): Node[] {
  const help = program.createHelp();
  return [program, ...help.visibleCommands(program).filter((command) => command.name() !== 'help')].map(
    (command) => ({
      name: command.name(),
      description: command.description(),
      options: help.visibleOptions(command).map(({ short, long, description, required, optional }) => ({
        flags: [short, long].flatMap((flag) => flag ?? []),
        description,
        takesValue: required || optional,
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
  const withValue = [root, ...commands].flatMap(({ options }) =>
    options.filter(({ takesValue }) => takesValue).flatMap(({ flags }) => flags),
  );
  return `# bash completion of ${root.name}
_backuppc_b2() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command= i
  COMPREPLY=()
  case $previous in
    ${[...new Set(withValue)].join('|')})
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return ;;
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
  const specs = (node: Node): string =>
    node.options
      .flatMap(({ flags, description, takesValue }) =>
        flags.map(
          (flag) =>
            `      ${quoted(`${flag}[${described(description)}]${takesValue ? ':value:_files' : ''}`)}`,
        ),
      )
      .join(' \\\n');
  return `#compdef ${root.name}
# zsh completion of ${root.name}
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
    node.options.map(({ flags, description, takesValue }) => {
      const named = flags.map((flag) =>
        flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      // -r: a value follows, for which fish offers files.
      return line(condition, [...named, ...(takesValue ? ['-r'] : [])].join(' '), description);
    });
  return [
    `# fish completion of ${root.name}`,
    ...options(root, ''),
    ...commands.map(({ name, description }) => line('__fish_use_subcommand', `-f -a ${name}`, description)),
    ...commands.flatMap((node) => options(node, `__fish_seen_subcommand_from ${node.name}`)),
    '',
  ].join('\n');
}
