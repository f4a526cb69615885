import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseRate } from '../../bandwidth/rate.js';
import { asFailure, Failure } from '../../errors.js';
import { PROFILES, type OpenPgpProfile } from '../../openpgp/profile.js';
import { byteCount, collected, positiveNumber, type Wiring } from '../wiring.js';
import { withExamples } from '../help.js';

const EXAMPLES = `
  backuppc-b2 bench                                    about a minute; no account is needed
  backuppc-b2 bench --line 40Mbit --archive-size 2T    what an archive would take over a line that you know
  backuppc-b2 bench --upload --write                   measures the line, too, and writes the settings down`;

interface BenchFlags {
  readonly sample?: string;
  readonly secondsPerCase: number;
  readonly codec?: readonly string[];
  readonly profile?: readonly OpenPgpProfile[];
  readonly upload?: boolean;
  readonly uploadBytes: number;
  readonly line?: number;
  readonly archiveSize: number;
  readonly pricePerTb: number;
  readonly write?: string | true;
  readonly force?: boolean;
  readonly json?: boolean;
}

const GIB = 2 ** 30;

export function registerBench(program: Command, wiring: Wiring): void {
  const command = program
    .command('bench')
    .description('measure this machine and this line, choose settings, and write them down')
    .option('--sample <FILE>', 'compress this file; default: a mix of files of this machine')
    .option('--seconds-per-case <N>', 'how long each case is measured', positiveNumber(600), 1)
    .option('--codec <CODEC:LEVEL>', 'only this codec; may be given several times', collected)
    .addOption(
      new Option(
        '--profile <PROFILE>',
        'only this OpenPGP profile and the configured one; may be given several times',
      ).argParser(profiles),
    )
    .option('--upload', 'measure the line: uploads into a scratch name of the bucket, which it removes again')
    .option('--upload-bytes <BYTES>', 'with --upload: send no more than this', byteCount, GIB / 4)
    .option('--line <RATE>', 'assume this upload rate, such as 40Mbit', rate)
    .option('--archive-size <BYTES>', 'estimate for a tar of this size', byteCount, 100 * GIB)
    .option('--price-per-tb <PRICE>', 'what a terabyte costs a month', positiveNumber(1e6), 6)
    .option('--write [FILE]', 'write the settings into the configuration file, or into FILE')
    .option('--force', 'with --write: replace what was set by hand without asking')
    .option('--json', 'print JSON');
  withExamples(command, EXAMPLES);
  command.action(async (flags: BenchFlags) => {
    if (flags.force === true && flags.write === undefined)
      throw new Failure('usage', '--force goes with --write');
    await wiring.run(command, async (context) => {
      const { bench } = await import('./bench.js');
      return bench(context, {
        sample: flags.sample,
        secondsPerCase: Math.max(0.01, flags.secondsPerCase),
        codecs: flags.codec,
        profiles: flags.profile,
        upload: flags.upload === true,
        uploadBytes: flags.uploadBytes,
        lineRate: flags.line,
        archiveBytes: flags.archiveSize,
        pricePerTerabyte: flags.pricePerTb,
        write: flags.write,
        force: flags.force === true,
        json: flags.json === true,
      });
    });
  });
}

function profiles(text: string, before: readonly OpenPgpProfile[] = []): readonly OpenPgpProfile[] {
  const known = PROFILES.find((name) => name === text);
  if (known === undefined) throw new InvalidArgumentError(`Choose from ${PROFILES.join(', ')}.`);
  return [...before, known];
}

function rate(text: string): number {
  try {
    return parseRate(text);
  } catch (error) {
    throw new InvalidArgumentError(asFailure(error).message);
  }
}
