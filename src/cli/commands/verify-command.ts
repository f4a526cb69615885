import type { Command } from 'commander';
import { Failure } from '../../errors.js';
import { verify, type VerifyLevel } from '../verify.js';
import { positiveNumber, wholeNumber, type Wiring } from '../wiring.js';
import { allowancesOf, LEGACY, UNENCRYPTED, UNPROVEN } from './archive-options.js';

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
    .option(
      '--sample <PERCENT>',
      'download this share of the data and compare its SHA-1',
      positiveNumber(100),
    )
    .option(
      '--deep',
      'download everything: SHA-1 of each part, authentication of each chunk, the tar from end to end',
    )
    .option(...UNPROVEN)
    .option(...UNENCRYPTED)
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
