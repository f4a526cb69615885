/** docs/configuration.md, made from the one table of settings. Pure. */
import { SETTINGS, SETTING_NAMES, type Section, type Setting } from '../../config/schema.js';

const TITLES: Readonly<Record<Section, string>> = {
  b2: 'Backblaze B2',
  encryption: 'Encryption',
  machine: 'This machine',
  line: 'The line',
  archive: 'Archives',
  reports: 'Logs, metrics, hooks',
  backuppc: 'BackupPC',
};

export function configurationReference(): string {
  const sections = (Object.keys(TITLES) as Section[]).map((section) => {
    const rows = SETTING_NAMES.flatMap((name) => {
      const row: Setting<unknown> = SETTINGS[name];
      if (row.section !== section) return [];
      const flag =
        row.flag === undefined
          ? ''
          : `\`${row.flag}${row.kind.metavar === undefined ? '' : ` ${row.kind.metavar}`}\``;
      return [
        `| \`${name}\` | ${flag.replaceAll('|', '\\|')} | ${row.env === undefined ? '' : `\`${row.env}\``} | ${row.help} |`,
      ];
    });
    return [
      `## ${TITLES[section]}`,
      '',
      '| in the file | flag | environment | meaning |',
      '|---|---|---|---|',
      ...rows,
    ].join('\n');
  });
  return `# Configuration

Made by \`backuppc-b2 configuration\` from the program's own table.

The file is TOML: \`--config FILE\`, or \`BACKUPPC_B2_CONFIG\`, or the first of \`/etc/backuppc/backuppc-b2.toml\` and \`/etc/backuppc-b2.toml\` that exists.
The environment goes before the file, flags before both. All problems are reported at once. Sizes are written as \`64M\`, \`64MiB\` (1024) or
\`64MB\` (1000). A file with a secret must not be open to others than its owner and group; it, the configuration, key files and
programs that a \`…_command\` names by their path belong to root or to the user that runs the program, and nobody else may write to them. Secrets never come from arguments: \`ps\` and
BackupPC's log show those.

${sections.join('\n\n')}
`;
}
