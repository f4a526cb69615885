/** The command tree of `backuppc-b2`: options in, one function per command. */
import { Command } from 'commander';
import { ARCHIVE_HOST, ARCHIVE_START } from '../backuppc/defaults.js';
import type { RetentionRules } from '../catalog/retention.js';
import type { Section } from '../config/schema.js';
import { Failure } from '../errors.js';
import { standardOutput } from '../pipes/standard-output.js';
import { registerBench } from './bench/bench-command.js';
import { cleanup } from './cleanup.js';
import { configurationReference } from './reference/configuration-reference.js';
import { completionScript } from './reference/completion.js';
import { localHosts } from './reference/local-hosts.js';
import { defaultStateDirectory } from './archive.js';
import { addConfigOptions, configFrom } from './config-options.js';
import { deleteArchives } from './delete.js';
import { doctor } from './doctor/doctor.js';
import { registerFiles } from './files/files-command.js';
import { list } from './list.js';
import { manPage } from './reference/man.js';
import { report, type ReportTarget } from './report.js';
import { restore } from './restore.js';
import { targetOf, type TargetFlags } from './restore-target.js';
import { script } from './script.js';
import type { Output } from './context.js';
import { HELP, withExamples } from './help.js';
import { nearest } from './nearest.js';
import { registerSetup } from './setup/setup-command.js';
import { setLimit, status } from './run/status.js';
import { startBackups } from './legacy/start-backups.js';
import { verify, type VerifyLevel } from './verify.js';
import { ALLOW_UNENCRYPTED, ALLOW_UNPROVEN, allowancesOf } from './allowances.js';
import { collected, positiveNumber, wholeNumber, type Wiring } from './wiring.js';

/** Settings that the companion's commands heed. */
const SECTIONS: readonly Section[] = ['b2', 'encryption', 'machine', 'reports', 'backuppc'];

/** Names prove nothing: the owner has to say so. */
const LEGACY = [
  '--legacy',
  'also take whole sets without our file info for archives of the older scripts, by their names',
] as const;

const EXAMPLES = `
  backuppc-b2 list --host web                              what there is of one host
  backuppc-b2 restore --host web --number 12 -C /tmp/web   brings an archive back
  backuppc-b2 verify --host web --deep                     reads everything back and checks it
  backuppc-b2 delete --age 90                              deletes what is older, and says why
  backuppc-b2 doctor                                       looks for what would go wrong`;

export function companionProgram(version: string): Command {
  const program = new Command('backuppc-b2')
    .description("BackupPC's archives in Backblaze B2: what is there, what goes, and how it comes back")
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .showHelpAfterError('(--help shows what there is)')
    .configureHelp({ ...HELP, showGlobalOptions: true });
  return withExamples(addConfigOptions(program, SECTIONS), EXAMPLES);
}

export function registerCompanion(program: Command, wiring: Wiring, out: Output): void {
  registerSetup(program, wiring, out, ARCHIVE_HOST);
  registerList(program, wiring);
  registerDelete(program, wiring);
  registerFiles(program, wiring);
  registerScript(program, wiring);
  registerRestore(program, wiring);
  registerVerify(program, wiring);
  registerCleanup(program, wiring);
  registerReport(program, wiring);
  registerDoctor(program, wiring);
  registerBench(program, wiring);
  registerDocuments(program, wiring);
}

export function registerList(program: Command, wiring: Wiring): void {
  const command = program
    .command('list', { isDefault: true })
    .description('list the archives in B2 (also what no command does)')
    .option('--host <HOST>', 'only this host; may be given several times', collected)
    .option(...LEGACY)
    .option('--json', 'print JSON')
    // The default command gets whatever is no command, with its options: a misspelt command is named before its options are judged.
    .allowExcessArguments()
    .allowUnknownOption();
  command.action(
    async ({ host = [], legacy, json = false }: { host?: string[]; legacy?: boolean; json?: boolean }) => {
      const [word] = command.args;
      if (word !== undefined) throw notUnderstood(word, program, command);
      await wiring.run(command, (context) =>
        list(context, { hosts: host, legacy, json, verbose: context.config.verbose }),
      );
    },
  );
}

function notUnderstood(word: string, program: Command, list: Command): Failure {
  const isOption = word.startsWith('-');
  const known = isOption
    ? [...program.options, ...list.options].flatMap(({ long }) => long ?? [])
    : program.commands.map((command) => command.name());
  const meant = nearest(word, known);
  const lists = isOption ? "'backuppc-b2 list --help' lists them" : "'backuppc-b2 --help' lists them";
  return new Failure('usage', isOption ? `unknown option '${word}'` : `no such command: ${word}`, {
    hint: meant === undefined ? lists : `did you mean ${meant}? ${lists}`,
  });
}

interface DeleteFlags {
  readonly age?: number;
  readonly keep: number;
  readonly keepDaily?: number;
  readonly keepWeekly?: number;
  readonly keepMonthly?: number;
  readonly keepYearly?: number;
  readonly host?: string;
  readonly number?: number;
  readonly legacy?: boolean;
  readonly allowUnproven?: boolean;
  readonly dryRun?: boolean;
  readonly test?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly startBackups?: boolean;
  readonly archiveHost: string;
  readonly archiveStart: string;
}

export function registerDelete(program: Command, wiring: Wiring): void {
  const command = program
    .command('delete')
    .description('delete old archives; says why each goes or stays')
    .option('--age <DAYS>', 'delete what is older than this', positiveNumber(36_500))
    .option(
      '--keep <N>',
      'the newest N finished archives of each host stay, whatever their age',
      wholeNumber(0),
      1,
    )
    .option(
      '--keep-daily <N>',
      'the newest finished archive of each of the last N days that have one stays',
      wholeNumber(0),
    )
    .option('--keep-weekly <N>', 'the same for weeks (ISO)', wholeNumber(0))
    .option('--keep-monthly <N>', 'the same for months', wholeNumber(0))
    .option('--keep-yearly <N>', 'the same for years', wholeNumber(0))
    .option('--host <HOST>', 'only this host')
    .option('--number <N>', 'with --host: this archive, whatever its age', wholeNumber(0))
    .option('--allow-unproven', 'also count as kept what nothing here proves to be ours')
    .option(...LEGACY)
    .option('--dry-run', 'only show what would go')
    .option('--test', 'the same as --dry-run')
    .option('-y, --yes', 'do not ask (for cron)')
    .option('--json', 'print JSON')
    .option('--start-backups', 'afterwards start an archive of the host that needs it most')
    .option('--archive-host <HOST>', "with --start-backups: BackupPC's archive host", ARCHIVE_HOST)
    .option('--archive-start <PROGRAM>', 'with --start-backups: BackupPC_archiveStart', ARCHIVE_START);
  command.action(async (flags: DeleteFlags) => {
    const dryRun = flags.dryRun === true || flags.test === true;
    await wiring.run(command, async (context) => {
      const status = await deleteArchives(context, {
        host: flags.host,
        number: flags.number,
        rules: rulesOf(flags),
        legacy: flags.legacy,
        allowUnproven: flags.allowUnproven,
        dryRun,
        yes: flags.yes === true,
        json: flags.json === true,
      });
      if (flags.startBackups === true) {
        const { archiveHost, archiveStart, keep } = flags;
        await startBackups(context, {
          archiveHost,
          program: archiveStart,
          target: keep + 1,
          count: 1,
          dryRun,
          legacy: flags.legacy,
        });
      }
      return status;
    });
  });
}

function rulesOf({ age, keep, keepDaily, keepWeekly, keepMonthly, keepYearly }: DeleteFlags): RetentionRules {
  const periods = {
    daily: keepDaily ?? 0,
    weekly: keepWeekly ?? 0,
    monthly: keepMonthly ?? 0,
    yearly: keepYearly ?? 0,
  };
  return { ageDays: age, keep, periods };
}

interface OneArchive {
  readonly host: string;
  readonly number?: number;
  readonly unfinalized?: boolean;
  readonly allowUnproven?: boolean;
  readonly allowUnencrypted?: boolean;
  readonly legacy?: boolean;
}

function addArchiveOptions(command: Command): Command {
  return command
    .requiredOption('--host <HOST>', 'name of the backed-up host')
    .option('--number <N>', 'number of the backup; default: the one that finished last', wholeNumber(0))
    .option('--unfinalized', 'take an archive that is not finished')
    .option(...ALLOW_UNPROVEN)
    .option(...ALLOW_UNENCRYPTED)
    .option(...LEGACY);
}

export function registerScript(program: Command, wiring: Wiring): void {
  const command = addArchiveOptions(
    program
      .command('script')
      .description(
        'write a restore script: needs sh, curl, gpg, tar, the decompressor, and nothing of this program',
      ),
  )
    .option(
      '--expire <SECONDS>',
      'how long its token opens the archive: at most 604800 (7 days)',
      wholeNumber(1),
      86_400,
    )
    .option('--output <FILE>', 'write it to FILE instead of standard output')
    .option('--no-token', 'no token inside: the script asks for an application key, and never expires');
  command.action(async (flags: OneArchive & { expire: number; output?: string; token: boolean }) => {
    const { host, number, unfinalized = false, legacy, token, expire, output } = flags;
    await wiring.run(command, (context) =>
      script(context, {
        host,
        number,
        unfinalized,
        legacy,
        ...allowancesOf(flags),
        token,
        expireSeconds: expire,
        output,
      }),
    );
  });
}

export function registerRestore(program: Command, wiring: Wiring): void {
  const command = addArchiveOptions(
    program
      .command('restore')
      .description('bring an archive back')
      .argument(
        '[PATH...]',
        'only these, as "files" prints them: paths, globs; or "-": the tar to standard output',
      ),
  )
    .option('-C, --directory <DIR>', 'unpack into DIR (made if missing; must be empty)')
    .option(
      '-o, --output <FILE>',
      'write the tar to FILE; kept compressed, and then resumable, if FILE ends like the archive (.zst, …)',
    )
    .option('--to-stdout', 'with PATH: the contents of these files to standard output')
    .option('-x, --extract <PATH...>', 'the same as PATH')
    .option('--keep-going', 'go on behind damage: give what can still be read, and say what is lost');
  command.action(async (words: string[], flags: OneArchive & TargetFlags & { keepGoing?: true }) => {
    const target = targetOf(words, flags);
    await wiring.run(command, (context) =>
      restore(context, {
        host: flags.host,
        number: flags.number,
        unfinalized: flags.unfinalized === true,
        legacy: flags.legacy,
        keepGoing: flags.keepGoing,
        ...allowancesOf(flags),
        target,
        quiet: context.config.quiet,
        signal: context.signal,
      }),
    );
  });
}

interface VerifyFlags {
  readonly host?: string;
  readonly number?: number;
  readonly sample?: number;
  readonly deep?: boolean;
  readonly allowUnproven?: boolean;
  readonly allowUnencrypted?: boolean;
  readonly legacy?: boolean;
  readonly json?: boolean;
}

export function registerVerify(program: Command, wiring: Wiring): void {
  const command = program
    .command('verify')
    .description('check archives: the listing against the manifest, and on demand the data')
    .option('--host <HOST>', 'only this host')
    .option('--number <N>', 'with --host: only this archive', wholeNumber(0))
    .option('--sample <PERCENT>', 'download so much of the data and compare its SHA-1', positiveNumber(100))
    .option(
      '--deep',
      'download everything: SHA-1 of each part, authentication of each chunk, the tar from end to end',
    )
    .option(...ALLOW_UNPROVEN)
    .option(...ALLOW_UNENCRYPTED)
    .option(...LEGACY)
    .option('--json', 'print JSON');
  command.action(async (flags: VerifyFlags) => {
    if (flags.deep === true && flags.sample !== undefined)
      throw new Failure('usage', '--deep includes --sample: give one of them');
    let level: VerifyLevel = { kind: 'quick' };
    if (flags.deep === true) level = { kind: 'deep' };
    else if (flags.sample !== undefined) level = { kind: 'sample', percent: flags.sample };
    await wiring.run(command, (context) =>
      verify(context, {
        host: flags.host,
        number: flags.number,
        level,
        legacy: flags.legacy,
        ...allowancesOf(flags),
        json: flags.json === true,
        ...context.ranges,
        random: Math.random,
        signal: context.signal,
      }),
    );
  });
}

interface CleanupFlags {
  readonly olderThan: number;
  readonly host?: string;
  readonly hidden?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function registerCleanup(program: Command, wiring: Wiring): void {
  const command = program
    .command('cleanup')
    .description('show, and with --yes remove, what interrupted and superseded runs of this program left')
    .option('--older-than <DAYS>', 'only runs without a sign of life for so long', positiveNumber(36_500), 7)
    .option('--host <HOST>', 'only this host')
    .option('--hidden', 'also archives that another tool has hidden from end to end')
    .option('-y, --yes', 'remove it')
    .option('--json', 'print JSON');
  command.action(async (flags: CleanupFlags) => {
    const { olderThan, host, hidden = false, yes = false, json = false } = flags;
    await wiring.run(command, (context) =>
      cleanup(context, { olderThanMs: olderThan * 86_400_000, host, hidden, yes, json }),
    );
  });
}

/** Commands that talk to archives which this machine is writing. */
export function registerRunning(program: Command, wiring: Wiring, out: Pick<Output, 'write' | 'note'>): void {
  program
    .command('status')
    .description('what the archives that run here are doing')
    .option('--json', 'print JSON')
    .action(async ({ json = false }: { json?: boolean }) => {
      wiring.setStatus(await status(out, { json }));
    });
  program
    .command('bwlimit')
    .description('set the upload limit of the archives that run here')
    .argument('<LIMIT>', '8Mbit, 1M, off, a timetable, or auto[:MIN-MAX]')
    .option('--host <HOST>', 'only of archives of this host')
    .option('--number <N>', 'only of archives of this backup', wholeNumber(0))
    .action(async (limit: string, which: { host?: string; number?: number }) => {
      wiring.setStatus(await setLimit(out, limit, which));
    });
}

interface ReportFlags {
  readonly html?: string;
  readonly mail?: string;
  readonly json?: boolean;
  readonly age: number;
  readonly days: number;
  readonly price: number;
}

export function registerReport(program: Command, wiring: Wiring): void {
  const command = program
    .command('report')
    .description('the state of all archives on one page: for a browser, a mail or a program')
    .option('--html <FILE>', "write the page to FILE ('-': standard output)")
    .option('--mail <ADDRESS>', 'print a mail for sendmail -t, with the page inside')
    .option('--json', 'print the same facts as JSON')
    .option('--age <DAYS>', 'a host whose newest archive is older is late', positiveNumber(36_500), 8)
    .option('--days <N>', 'length of the calendar', wholeNumber(1), 30)
    .option('--price <USD>', 'what B2 asks for a terabyte and month', positiveNumber(1000), 6);
  command.action(async ({ html, mail, json, age, days, price }: ReportFlags) => {
    const targets: ReportTarget[] = [
      ...(html === undefined ? [] : [{ kind: 'html', file: html } as const]),
      ...(mail === undefined ? [] : [{ kind: 'mail', to: mail } as const]),
      ...(json === true ? [{ kind: 'json' } as const] : []),
    ];
    const [target, ...others] = targets;
    if (target === undefined || others.length > 0)
      throw new Failure('usage', 'say one of --html FILE, --mail ADDRESS and --json');
    await wiring.run(command, (context) =>
      report(context, { target, wantedAgeDays: age, days: Math.min(days, 366), pricePerTb: price }),
    );
  });
}

export function registerDoctor(program: Command, wiring: Wiring): void {
  const command = program
    .command('doctor')
    .description(
      'look for what would go wrong: configuration, key, bucket, clock, gpg, timeouts, disk, and a rehearsal',
    )
    .option('--no-rehearsal', 'do not archive and restore 1 MB in a scratch prefix')
    .option('--archive-host <HOST>', "name of BackupPC's archive host", ARCHIVE_HOST)
    .option('--json', 'print JSON');
  command.action(async (flags: { rehearsal: boolean; archiveHost: string; json?: boolean }) => {
    const { rehearsal, archiveHost, json = false } = flags;
    await wiring.run(command, (context) => doctor(context, { rehearsal, archiveHost, json }));
  });
}

/** Made from the finished tree: register them last. */
export function registerDocuments(program: Command, wiring: Wiring): void {
  const completion = program
    .command('completion')
    .description('print the completion for a shell: eval "$(backuppc-b2 completion bash)"')
    .argument('<SHELL>', 'bash, zsh or fish; hosts: the hosts that this machine knows of');
  completion.action(async (shell: string) => {
    if (shell === 'hosts') {
      const config = configFrom(completion.optsWithGlobals());
      const hosts = await localHosts(config, config.state_dir ?? defaultStateDirectory());
      standardOutput().write(hosts.map((host) => `${host}\n`).join(''));
    } else standardOutput().write(completionScript(program, shell));
    wiring.setStatus(0);
  });
  program
    .command('configuration')
    .description('print the configuration reference (Markdown)')
    .action(() => {
      standardOutput().write(configurationReference());
      wiring.setStatus(0);
    });
  program
    .command('man')
    .description('print the man page: backuppc-b2 man > /usr/local/share/man/man1/backuppc-b2.1')
    .action(() => {
      standardOutput().write(manPage(program));
      wiring.setStatus(0);
    });
}
