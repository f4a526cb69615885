/**
 * The eleven arguments of an ArchiveClientCmd, as BackupPC's stock `BackupPC_archiveHost` takes them. Pure.
 *
 * They are free text from a web form and from a Perl configuration: empty ones are real arguments, numbers carry leading zeros, and
 * `$splitsize` is made by appending six zeros to whatever the user typed.
 */
import { Failure } from '../errors.js';
import { argumentText, REPLACEMENT, type Argument } from './octets.js';

export interface ArchiveArguments {
  readonly tarCreatePath: string;
  readonly host: string;
  readonly number: number;
  /** `$compression`: path of a program, `/bin/cat` or empty for none. */
  readonly compPath: string;
  /** `$compext` as it stands in names: '', '.raw', '.gz', … */
  readonly extension: string;
  /** Bytes per volume; 0 = not split. */
  readonly splitSize: number;
  /** `$archiveloc`: the directory for local state. */
  readonly outLoc: string;
  /** For people; tells two shares apart. */
  readonly share: string;
  /** The same as tarCreate must get it. */
  readonly shareArgument: Argument;
  /** Arguments that may have been meant differently: one line each, for the log. */
  readonly remarks: readonly string[];
}

export const ARGUMENT_NAMES = [
  'tarCreatePath',
  'splitPath',
  'parPath',
  'host',
  'bkupNum',
  'compPath',
  'fileExt',
  'splitSize',
  'outLoc',
  'parFile',
  'share',
] as const;

export interface ArgumentRules {
  /** Whether a path names an executable file. */
  isExecutable(path: string): boolean;
  /** `--split-size`: then the positional argument is ignored. */
  readonly splitSize?: number | undefined;
}

/** Nobody wants volumes that small: a smaller number was meant as megabytes, the unit of BackupPC's page. */
const LEAST_SPLIT_BYTES = 100_000;

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * `$splitsize` in bytes.
 *
 * - `0000000`, `500000000`: decimal bytes with leading zeros, 0 = not split. Empty (an unset variable) means the same as 0.
 * - `0.5000000`: the web form appends `000000` to the megabytes typed into it, here `0.5`: 500,000 bytes. A fraction that ends in
 *   six zeros can come from nowhere else, since Perl prints no trailing zeros in a number it computed.
 * - `1234567890.1`: computed by a script that multiplied: bytes, the fraction dropped.
 * @returns undefined for everything else (`-1000000`, `1e3000000`, `500 MB000000`).
 */
export function splitSizeBytes(text: string): number | undefined {
  if (text === '') return 0;
  const typed = /^(\d*\.\d*)0{6}$/.exec(text)?.[1];
  const bytes =
    typed !== undefined && typed !== '.'
      ? Math.round(Number(typed) * 1_000_000)
      : /^\d+(\.\d+)?$/.test(text)
        ? Math.floor(Number(text))
        : Number.NaN;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** `$parfile`: percentage of par2 data; 0, or empty where BackupPC has no par2. */
function parityRemark(parFile: string): string | undefined {
  if (/^0*$/.test(parFile)) return undefined;
  return `$parfile is ${quoted(parFile)}: no par2 files are made; B2 keeps its own redundancy, and every part is authenticated`;
}

/** A backup number: decimal, leading zeros allowed. */
export function backupNumber(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** What is wrong with a host name, for a sentence that begins with it; undefined when it can be part of a file name. */
export function hostProblem(host: string): string | undefined {
  if (host === '') return 'is empty';
  if (host.includes(REPLACEMENT)) return 'is not UTF-8';
  if (CONTROL.test(host)) return 'contains a control character';
  if (host.includes('/')) return 'contains "/"';
  if (host === '.' || host === '..' || host.startsWith('-')) return 'is not a host name';
  return undefined;
}

/** Bad input in quotes: control characters escaped, cut at 60 characters. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** @throws Failure `usage` that names every problem. */
export function parseArguments(given: readonly Argument[], rules: ArgumentRules): ArchiveArguments {
  const positionals = given.map((argument) =>
    typeof argument === 'string' ? argument : Buffer.from(argument).toString(),
  );
  if (positionals.length !== ARGUMENT_NAMES.length) {
    throw new Failure('usage', `expected ${ARGUMENT_NAMES.length} arguments, got ${positionals.length}`, {
      hint: `the arguments are: ${ARGUMENT_NAMES.join(' ')}; keep $Conf{ArchiveClientCmd} one string with all of its variables`,
    });
  }
  const [
    tarCreatePath = '',
    ,
    ,
    host = '',
    number = '',
    compPath = '',
    extension = '',
    split = '',
    outLoc = '',
    parFile = '',
    share = '',
  ] = positionals;
  const problems: string[] = [];
  if (tarCreatePath === '') problems.push('tarCreatePath is empty');
  else if (!rules.isExecutable(tarCreatePath))
    problems.push(`tarCreatePath ${quoted(tarCreatePath)} is not an executable file`);
  const wrongHost = hostProblem(host);
  if (wrongHost !== undefined) problems.push(`host ${quoted(host)} ${wrongHost}`);
  const backup = backupNumber(number);
  if (backup === undefined) problems.push(`bkupNum ${quoted(number)} is not a backup number`);
  if (CONTROL.test(compPath)) problems.push(`compPath ${quoted(compPath)} contains a control character`);
  if (extension !== '' && !/^\.[\w.+-]+$/.test(extension))
    problems.push(`fileExt ${quoted(extension)} is not a file name extension such as .gz`);
  let splitSize = rules.splitSize ?? splitSizeBytes(split);
  if (splitSize === undefined) {
    problems.push(
      `splitSize ${quoted(split)} is not a number of bytes (in the web form: of megabytes, such as 500 or 0.5; 0 for no splitting)`,
    );
  }
  if (outLoc === '') problems.push('outLoc is empty: give a directory for local state');
  else if (outLoc.startsWith('-')) problems.push(`outLoc ${quoted(outLoc)} begins with "-"`);
  else if (CONTROL.test(outLoc)) problems.push(`outLoc ${quoted(outLoc)} contains a control character`);
  else if (outLoc.includes(REPLACEMENT)) problems.push(`outLoc ${quoted(outLoc)} is not UTF-8`);
  if (share === '') problems.push('share is empty: give * for all shares');
  else if (CONTROL.test(share)) problems.push(`share ${quoted(share)} contains a control character`);
  if (problems.length > 0 || backup === undefined || splitSize === undefined) {
    throw new Failure('usage', problems.join('; '), {
      hint: `the arguments are: ${ARGUMENT_NAMES.join(' ')}`,
    });
  }
  const remarks: string[] = [];
  const parity = parityRemark(parFile);
  if (parity !== undefined) remarks.push(parity);
  if (rules.splitSize === undefined && splitSize > 0 && splitSize < LEAST_SPLIT_BYTES) {
    remarks.push(
      `$splitsize is ${quoted(split)}, in bytes: taken as ${splitSize} MB; give ${splitSize}000000, or 0 for no splitting`,
    );
    splitSize *= 1_000_000;
  }
  const shareArgument = given[ARGUMENT_NAMES.length - 1] ?? share;
  return {
    tarCreatePath,
    host,
    number: backup,
    compPath,
    extension,
    splitSize,
    outLoc,
    share: argumentText(shareArgument),
    shareArgument,
    remarks,
  };
}
