/** The man page (man(7) macros), made from the command tree. Pure. */
import type { Command } from 'commander';
import { SETTING_NAMES, SETTINGS } from '../../config/schema.js';
import { EXIT_STATUS } from '../../errors.js';
import { FINISHED_RUNS } from '../../journal/finished-runs.js';
import { INSTALLATION_FILE } from '../../journal/installation.js';
import { HISTORY } from '../../reporting/history.js';
import { examplesOf } from '../help.js';

/** What each exit status means to a script; the table of docs/commands.md is made from it too. */
export const EXIT_MEANING: Readonly<Record<keyof typeof EXIT_STATUS, string>> = {
  ok: 'done',
  internal: 'a defect in this program',
  usage: 'wrong arguments or options',
  config: 'configuration, secrets file or key material unusable; doctor: something failed',
  source: 'the tar source is missing, failed, or wrote nothing',
  partial:
    'known to be incomplete: stored as partial, unless a complete archive of the same host and number is there, which then stays',
  denied: 'B2 refuses: wrong key, missing capability, missing or foreign bucket',
  cap: 'B2 refuses: a cap of the account is reached',
  unavailable: 'B2 or the network did not serve us in spite of all retries',
  local: 'local disk, file or process trouble',
  locked: 'another run works on the same archive',
  damaged: 'stored data is damaged, or was decrypted with the wrong passphrase or key',
  interrupted: 'stopped by a signal, a deadline, a closed output, or by answering no',
  notFound: 'nothing matches the host, number or path asked for',
  left: 'done, but some objects had to be left (Object Lock, or in use)',
  unproven: 'nothing here proves that this is what was archived',
};

const FILES = [
  ['/etc/backuppc/backuppc-b2.toml', 'The configuration.'],
  ['/etc/backuppc/backuppc-b2.passphrase', 'The passphrase, where setup has written one.'],
  [
    '/etc/backuppc/backuppc-b2.nightly',
    'What the nightly timer of the Debian package does: hosts, ages, where restore scripts go.',
  ],
  [
    '/var/lib/backuppc-b2',
    'The state directory, where state_dir names no other one and the archive host has none of its own: what follows is in it.',
  ],
  [
    'HOST.N.BUCKET.journal, .keys, .lock',
    'Of an archive that is under way or broke off: from these a rerun goes on.',
  ],
  ['HOST.N.log', 'What an archive says after nobody reads its output any more.'],
  [
    INSTALLATION_FILE,
    'The identity of this installation, which its archives carry: two servers may share a bucket.',
  ],
  [FINISHED_RUNS, 'The archives that were finished here: they count as its own.'],
  [HISTORY, 'Figures of the last runs and verifications, for report and completion.'],
  [
    'signing-key.asc, signing-key.pub.asc',
    'With recipients only: what signs archives, and what proves them elsewhere.',
  ],
  ['metrics_file', 'Wherever the setting of that name says: figures in the text format of Prometheus.'],
] as const;

/** Text that roff prints as it is. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1');
}

export function manPage(program: Command): string {
  const help = program.createHelp();
  const lines = [
    `.TH ${program.name().toUpperCase()} 1 "" "${program.name()} ${program.version() ?? ''}" "BackupPC and Backblaze B2"`,
    '.SH NAME',
    `${roff(program.name())} \\- ${roff(program.description())}`,
    '.SH SYNOPSIS',
    `.B ${roff(program.name())}`,
    '[\\fIOPTION\\fR]... [\\fICOMMAND\\fR [\\fIOPTION\\fR]...]',
    '.SH COMMANDS',
  ];
  for (const command of help.visibleCommands(program)) {
    if (command.name() === 'help') continue;
    const words = command.registeredArguments.map((argument) =>
      argument.required ? argument.name() : `[${argument.name()}]`,
    );
    lines.push(`.SS ${roff([command.name(), ...words].join(' '))}`, roff(sentence(command.description())));
    lines.push(...optionLines(command));
  }
  lines.push('.SH OPTIONS', 'Of all commands:', ...optionLines(program));
  lines.push('.SH EXAMPLES');
  for (const command of [program, ...help.visibleCommands(program)]) {
    const examples = examplesOf(command);
    if (examples !== undefined) lines.push('.PP', '.nf', roff(examples), '.fi');
  }
  lines.push('.SH ENVIRONMENT');
  for (const name of SETTING_NAMES) {
    const { env, help: meaning } = SETTINGS[name];
    if (env !== undefined) lines.push('.TP', `.B ${roff(env)}`, roff(sentence(meaning)));
  }
  lines.push('.TP', '.B BACKUPPC_B2_CONFIG', roff('Configuration file, where --config does not name one.'));
  lines.push('.SH FILES');
  for (const [file, meaning] of FILES) lines.push('.TP', `.I ${roff(file)}`, roff(meaning));
  lines.push('.SH EXIT STATUS');
  for (const [kind, status] of Object.entries(EXIT_STATUS)) {
    lines.push('.TP', `.B ${status}`, roff(EXIT_MEANING[kind as keyof typeof EXIT_STATUS]));
  }
  lines.push('.SH SEE ALSO', '.BR gpg (1),', '.BR tar (1),', '.BR curl (1),', "BackupPC's documentation.");
  return `${lines.join('\n')}\n`;
}

function optionLines(command: Command): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help')
    .flatMap((option) => {
      const fallback: unknown = option.defaultValue;
      const shown =
        typeof fallback === 'string' || typeof fallback === 'number' ? ` (default: ${fallback})` : '';
      return ['.TP', `.B ${roff(option.flags)}`, roff(sentence(option.description + shown))];
    });
}

function sentence(text: string): string {
  return text === ''
    ? text
    : `${text[0]?.toUpperCase() ?? ''}${text.slice(1)}${/[.)]$/.test(text) ? '' : '.'}`;
}
