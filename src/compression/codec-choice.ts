/** Which codec an archive gets: BackupPC's `$compression` and `$compext`, or `--compress`. Pure. */
import { Failure } from '../errors.js';
import type { CodecMethod, CodecRow, LevelRange } from './codec.js';
import type { CodecName } from './codec-name.js';
import { CODEC_ROWS, codecNamed, CODECS } from './codecs.js';
import { formatNamed, formatOfExtension, formatOfProgram } from './formats.js';

interface Choice {
  /** For file info and manifest: of the codec, or of the external program. */
  readonly name: string;
  readonly level: number | null;
  /** As in object names: '', '.gz', … */
  readonly extension: string;
}

/** The tar as it is. */
export interface NoCodec extends Choice {
  readonly kind: 'none';
  readonly level: null;
}

/** A codec of the table. */
export interface ListedCodec extends Choice {
  readonly kind: 'listed';
  readonly name: Exclude<CodecName, 'none'>;
  readonly level: number;
  /** Which of the row's `quicker` programs compresses; undefined: the row's own method. Not part of the format. */
  readonly program?: string | undefined;
}

/** One stream through a program as a pipe. It can be decompressed only if `name` is in the table of codecs. */
export interface ExternalCodec extends Choice {
  readonly kind: 'external';
  readonly level: null;
  readonly words: readonly [program: string, ...words: string[]];
}

export type CodecChoice = NoCodec | ListedCodec | ExternalCodec;

export interface CodecRequest {
  /** `$compression`: path of a program, perhaps with arguments; empty or `cat` for none. */
  readonly compPath: string;
  /** `$compext`: '', '.raw', '.gz', … */
  readonly compExt: string;
  /** `--compress CODEC[:LEVEL]` */
  readonly override: string | undefined;
}

/** @throws Failure `usage` for a codec or a level that does not exist */
export function codecOf({ compPath, compExt, override }: CodecRequest): CodecChoice {
  if (override !== undefined) return fromOverride(override, compExt);
  const whole = rowOfProgram(compPath.trim());
  if (whole !== undefined) return chosen(whole, undefined, compExt);
  const [program = '', ...words] = compPath.trim().split(/\s+/);
  const row = rowOfProgram(program);
  const level = onlyLevel(words);
  if (row !== undefined && level !== undefined && row.levels !== undefined)
    return chosen(row, level, compExt);
  // `ionice -c3 zstd -3` or a wrapper script: one of its words is a known program, or its extension says what it writes.
  const inner = row ?? [program, ...words].map(rowOfProgram).find((found) => found !== undefined);
  const format = formatOfProgram(baseName(program)) ?? formatOfExtension(plainExtension(compExt));
  return {
    kind: 'external',
    name: inner?.name ?? format?.name ?? baseName(program),
    level: null,
    extension: inner === undefined ? plainExtension(compExt) : extensionOf(inner, compExt),
    words: [program, ...words],
  };
}

/** Why such an archive can only be restored as it is stored; undefined if a known program decompresses it. */
export function cannotBeUndone(choice: CodecChoice): string | undefined {
  if (choice.kind !== 'external' || choice.name === 'none' || formatNamed(choice.name) !== undefined)
    return undefined;
  return `no known program decompresses ${choice.name}: restore -o FILE gives what is stored, and no restore script unpacks it; an extension such as .gz or .zst says what it writes`;
}

/** The method that compresses here. */
export function methodOf({ name, program }: ListedCodec): CodecMethod {
  const { method, quicker } = CODECS[name];
  return quicker?.find((one) => one.program === program) ?? method;
}

/** Programs that take less CPU time than the row's own method, the best first. */
export function quickerPrograms({ name, level }: ListedCodec): readonly string[] {
  const serving = CODECS[name].quicker?.filter(({ serves }) => level >= serves.min && level <= serves.max);
  return serving?.map(({ program }) => program) ?? [];
}

function fromOverride(text: string, compExt: string): CodecChoice {
  const [name = '', levelText, ...more] = text.split(':');
  const row = codecNamed(name);
  if (row === undefined || more.length > 0) {
    throw new Failure('usage', `--compress ${text}: there is no such codec`, {
      hint: `CODEC[:LEVEL] is one of ${CODEC_ROWS.map(described).join(', ')}`,
    });
  }
  if (levelText === undefined) return chosen(row, undefined, compExt);
  if (row.levels === undefined) {
    throw new Failure('usage', `--compress ${text}: ${row.name} has no levels`, {
      hint: `--compress ${row.name}`,
    });
  }
  return chosen(row, /^\d{1,3}$/.test(levelText) ? Number(levelText) : Number.NaN, compExt, levelText);
}

function chosen(
  row: CodecRow,
  level: number | undefined,
  compExt: string,
  levelText = String(level),
): CodecChoice {
  const { name, levels } = row;
  const extension = extensionOf(row, compExt);
  if (name === 'none' || levels === undefined) return { kind: 'none', name, level: null, extension };
  if (level !== undefined && !(level >= levels.min && level <= levels.max)) {
    throw new Failure('usage', `${name} has no level ${levelText}: ${range(levels)}`, {
      hint: `--compress ${name}:${levels.default}`,
    });
  }
  return { kind: 'listed', name, level: level ?? levels.default, extension };
}

function rowOfProgram(path: string): CodecRow | undefined {
  const name = baseName(path);
  return CODEC_ROWS.find((row) => row.programs.includes(name));
}

/** `-9` alone, as in `gzip -9`. */
function onlyLevel(words: readonly string[]): number | undefined {
  const digits = words.length === 1 ? /^-(\d{1,2})$/.exec(words[0] ?? '')?.[1] : undefined;
  return digits === undefined ? undefined : Number(digits);
}

function extensionOf({ extensions }: CodecRow, given: string): string {
  const plain = plainExtension(given);
  return extensions.includes(plain) ? plain : extensions[0];
}

function plainExtension(given: string): string {
  return given === '.raw' ? '' : given;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function described({ name, levels }: CodecRow): string {
  return levels === undefined ? name : `${name}[:${levels.min}-${levels.max}]`;
}

function range({ min, max, default: usual }: LevelRange): string {
  return `levels are ${min} to ${max}, ${usual} if none is given`;
}
