/** Options of several commands: which archive, and what to accept. */
import type { Command } from 'commander';
import type { Allowances } from '../admit.js';
import { wholeNumber } from '../wiring.js';

/** Names prove nothing, so the owner has to ask for it. */
export const UNPROVEN = [
  '--allow-unproven',
  'accept an archive that nothing here proves to be genuine',
] as const;
export const UNENCRYPTED = [
  '--allow-unencrypted',
  'accept an archive that is not encrypted although keys are configured',
] as const;
export const LEGACY = [
  '--legacy',
  'also take whole sets without our file info for archives of the older scripts, by their names',
] as const;

export interface OneArchive {
  readonly host: string;
  readonly number?: number;
  readonly unfinalized?: boolean;
  readonly allowUnproven?: boolean;
  readonly allowUnencrypted?: boolean;
  readonly legacy?: boolean;
}

export function allowancesOf(flags: Pick<OneArchive, 'allowUnproven' | 'allowUnencrypted'>): Allowances {
  return { unproven: flags.allowUnproven, unencrypted: flags.allowUnencrypted };
}

export function addArchiveOptions(command: Command): Command {
  return command
    .requiredOption('--host <HOST>', 'name of the backed-up host')
    .option('--number <N>', 'number of the backup; default: the one that finished last', wholeNumber(0))
    .option('--unfinalized', 'take an archive that is not finished')
    .option(...UNPROVEN)
    .option(...UNENCRYPTED)
    .option(...LEGACY);
}
