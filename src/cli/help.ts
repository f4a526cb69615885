/** Help in useful order: what it does, commands, examples, its own options, those of every command. */
import type { Command, Help, HelpConfiguration, Option } from 'commander';

const EXAMPLES = new WeakMap<Command, string>();

/** Lines of a shell, shown by --help and in the man page. */
export function withExamples(command: Command, examples: string): Command {
  EXAMPLES.set(command, examples.replace(/^\n+|\n+$/g, ''));
  return command;
}

export function examplesOf(command: Command): string | undefined {
  return EXAMPLES.get(command);
}

export const HELP: HelpConfiguration = {
  formatHelp(command: Command, help: Help): string {
    const width = help.padWidth(command, help);
    const items = <T>(
      title: string,
      list: readonly T[],
      term: (one: T) => string,
      says: (one: T) => string,
    ) =>
      help.formatItemList(
        title,
        list.map((one) => help.formatItem(term(one), width, says(one), help)),
        help,
      );
    const options = (title: string, list: readonly Option[]): string[] =>
      items(
        title,
        list,
        (one) => help.optionTerm(one),
        (one) => help.optionDescription(one),
      );
    const own = help.visibleOptions(command);
    const names = new Set(own.map(({ long }) => long));
    const inherited = help.visibleGlobalOptions(command).filter(({ long }) => !names.has(long));
    const examples = examplesOf(command);
    return [
      `Usage: ${help.commandUsage(command)}`,
      '',
      help.boxWrap(help.commandDescription(command), help.helpWidth ?? 80),
      '',
      ...items(
        'Arguments:',
        help.visibleArguments(command),
        (one) => help.argumentTerm(one),
        (one) => help.argumentDescription(one),
      ),
      ...items(
        'Commands:',
        help.visibleCommands(command),
        (one) => help.subcommandTerm(one),
        (one) => help.subcommandDescription(one),
      ),
      ...(examples === undefined ? [] : ['Examples:', examples, '']),
      ...options('Options:', own),
      ...options('Options of every command:', inherited),
    ].join('\n');
  },
};
