/**
 * Compressed streams as a reader finds them: how each format begins, and which program decompresses it. Includes all codecs of the table and
 * formats that only other programs write. Pure.
 */
import { CODECS } from './codecs.js';

export interface Format {
  /** As in file info and manifest. */
  readonly name: string;
  readonly extensions: readonly string[];
  /** Base names of programs that write it. */
  readonly programs: readonly string[];
  /** What decompresses the stream from standard input to standard output. */
  readonly decompress: readonly [program: string, ...words: string[]];
  /** The octets a stream begins with. */
  readonly magic: Uint8Array;
  /** How chunks begin that can be read without earlier ones; `undefined` stands for any octet. */
  readonly restart: readonly (number | undefined)[] | undefined;
}

type Row = Pick<Format, 'magic' | 'restart'>;

const octets = (...values: readonly number[]): Row => ({ magic: Uint8Array.from(values), restart: values });
const onlyAtStart = (...values: readonly number[]): Row => ({ ...octets(...values), restart: undefined });

const LISTED: Readonly<Record<Exclude<keyof typeof CODECS, 'none'>, Row>> = {
  // Each of our chunks needs the 32 KiB before it.
  gzip: onlyAtStart(0x1f, 0x8b, 0x08),
  zstd: octets(0x28, 0xb5, 0x2f, 0xfd),
  bzip2: {
    magic: Uint8Array.of(0x42, 0x5a, 0x68),
    // BZh, the level, then the digits of pi that begin a block.
    restart: [0x42, 0x5a, 0x68, undefined, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59],
  },
  xz: octets(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00),
  lz4: octets(0x04, 0x22, 0x4d, 0x18),
};

const OF_OTHERS: readonly Format[] = [
  {
    name: 'lzop',
    extensions: ['.lzo'],
    programs: ['lzop'],
    decompress: ['lzop', '-dc'],
    ...onlyAtStart(0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a),
  },
  {
    name: 'lzip',
    extensions: ['.lz'],
    programs: ['lzip', 'plzip', 'clzip', 'pdlzip', 'tarlz'],
    decompress: ['lzip', '-dc'],
    ...octets(0x4c, 0x5a, 0x49, 0x50),
  },
  {
    name: 'compress',
    extensions: ['.Z'],
    programs: ['compress', 'ncompress'],
    decompress: ['gzip', '-dc'],
    ...onlyAtStart(0x1f, 0x9d),
  },
  {
    name: 'lzma',
    extensions: ['.lzma'],
    programs: ['lzma'],
    decompress: ['xz', '-dc', '--format=lzma'],
    ...onlyAtStart(0x5d, 0x00, 0x00),
  },
];

export const FORMATS: readonly Format[] = [
  ...(['gzip', 'zstd', 'bzip2', 'xz', 'lz4'] as const).flatMap((name): Format[] => {
    const { extensions, programs, decompress } = CODECS[name];
    return decompress === undefined ? [] : [{ name, extensions, programs, decompress, ...LISTED[name] }];
  }),
  ...OF_OTHERS,
];

export function formatNamed(name: string): Format | undefined {
  return FORMATS.find((format) => format.name === name);
}

export function formatOfExtension(extension: string): Format | undefined {
  return FORMATS.find(({ extensions }) => extensions.includes(extension));
}

/** By the base name of a program that writes it. */
export function formatOfProgram(program: string): Format | undefined {
  return FORMATS.find(({ programs }) => programs.includes(program));
}

/** Most octets that `formatOf` and `looksLikeTar` look at. */
export const BEGINNING_BYTES = 512;

/** By the stream's own first octets. */
export function formatOf(beginning: Uint8Array): Format | undefined {
  return FORMATS.find(
    ({ magic }) =>
      beginning.length >= magic.length && magic.every((octet, index) => beginning[index] === octet),
  );
}

/** Position of the first chunk in `bytes` that can be read by itself; -1 for none. Only whole patterns are found. */
export function findRestart(bytes: Uint8Array, restart: readonly (number | undefined)[]): number {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const anything = restart.indexOf(undefined);
  const head = Buffer.from(restart.slice(0, anything === -1 ? undefined : anything) as number[]);
  for (let at = buffer.indexOf(head); at !== -1; at = buffer.indexOf(head, at + 1)) {
    if (at + restart.length > bytes.length) return -1;
    const found = at;
    if (restart.every((octet, index) => octet === undefined || bytes[found + index] === octet)) return at;
  }
  return -1;
}
