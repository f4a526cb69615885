/**
 * Compression beside the programs it stands for: a tar of this system's files, and data that does not shrink.
 *
 *     npm run bench -- compression             500 MB of /usr, 200 MB of random bytes; thrice, bzip2 and xz once
 *     npm run bench -- compression --quick     64 MB and 32 MB, once
 *     npm run bench -- compression --file TAR  another tar (as often as wanted)
 *
 *     npm run bench -- compression --rounds 5 --save
 *
 * MB/s are 10^6 bytes of tar per second of wall time (median), CPU s those of all threads and child processes per run.
 */
import { spawnSync } from 'node:child_process';
import { createReadStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Bench } from 'tinybench';
import { codecOf, type CodecChoice } from '../../src/compression/codec-choice.js';
import { compressStream } from '../../src/compression/compress-stream.js';
import { installed, withQuickest } from '../../src/compression/quickest.js';
import { planCompression } from '../../src/compression/memory.js';
import type { Sealer } from '../../src/sealing/ports.js';
import { createSealer } from '../../src/sealing/sealer.js';
import { publish, type Table } from '../report.js';

const MIB = 1024 * 1024;

/** The peers that the goals name, then the codecs that have none. */
const ROWS: readonly Row[] = [
  { peer: ['gzip', '-6', '-c'] },
  { peer: ['pigz', '-6', '-c'] },
  { codec: 'gzip:6', program: 'libdeflate-gzip' },
  { codec: 'gzip:6' },
  { codec: 'gzip:1', program: 'igzip' },
  { codec: 'gzip:1', program: 'libdeflate-gzip' },
  { codec: 'gzip:1' },
  { peer: ['zstd', '-3', '-T0', '-q', '-c'] },
  { codec: 'zstd:3' },
  { codec: 'lz4:1' },
  { peer: ['bzip2', '-c'], slow: true },
  { codec: 'bzip2:9', slow: true },
  { codec: 'xz:6', slow: true },
];

interface Row {
  readonly peer?: readonly [string, ...string[]];
  readonly codec?: string;
  /** That compresses, where it is installed. */
  readonly program?: string;
  /** Left out of `--quick`. */
  readonly slow?: boolean;
}

interface Cost {
  readonly bytes: number;
  readonly cpuSeconds: number;
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: 'boolean', default: false },
      file: { type: 'string', multiple: true },
      rounds: { type: 'string', default: '3' },
      save: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  const workers = availableParallelism();
  const directory = mkdtempSync(join(tmpdir(), 'bench-compression-'));
  const engine = await createSealer({
    workers,
    profile: 'librepgp',
    aead: 'ocb',
    partBytes: 5 * MIB,
    passwords: ['bench'],
    s2kOctets: 1024,
  });
  try {
    const files = values.file ?? [
      made(join(directory, 'files.tar'), 'tar -C / -cf - usr 2>/dev/null', quick ? 64e6 : 500e6),
      made(join(directory, 'random'), 'cat /dev/urandom', quick ? 32e6 : 200e6),
    ];
    const tables: Table[] = [];
    for (const file of files) tables.push(await compare(engine, file, quick, Number(values.rounds)));
    publish(
      { topic: 'compression', command: `npm run bench -- compression ${args.join(' ')}`.trim(), tables },
      values.save,
    );
  } finally {
    await engine.close();
    rmSync(directory, { recursive: true });
  }
}

function made(path: string, command: string, bytes: number): string {
  shell(`${command} | head -c ${bytes} >'${path}'`);
  return path;
}

async function compare(engine: Sealer, file: string, quick: boolean, rounds: number): Promise<Table> {
  const { size } = statSync(file);
  // Into the page cache, so that the first row is not the one that pays for it.
  readFileSync(file);
  const rows = ROWS.filter(
    ({ slow, program }) => (!quick || slow !== true) && (program === undefined || installed(program)),
  );
  const table: Record<string, string | number>[] = [];
  for (const row of rows) {
    let cost: Cost | undefined;
    const bench = new Bench({ time: 0, iterations: quick || row.slow === true ? 1 : rounds, warmup: false });
    bench.add('row', async () => {
      const before = cpuSeconds();
      const bytes = row.peer === undefined ? await ours(engine, file, chosen(row)) : theirs(row.peer, file);
      cost = { bytes, cpuSeconds: cpuSeconds() - before };
    });
    await bench.run();
    const result = bench.getTask('row')?.result;
    if (result === undefined || !('latency' in result) || cost === undefined) {
      throw new Error(`${nameOf(row)}: ${JSON.stringify(result)}`);
    }
    table.push(lineOf(row, size, result.latency.p50, cost, engine.pool.workers));
  }
  return { title: `${basename(file)}, ${Math.round(size / 1e6)} MB`, rows: table };
}

function lineOf(
  row: Row,
  size: number,
  ms: number,
  cost: Cost,
  workers: number,
): Record<string, string | number> {
  const { codec } = row;
  const buffers = codec === undefined ? 0 : planCompression(chosen(row), workers).bytes;
  return {
    what: nameOf(row),
    'MB/s': Math.round(size / 1e3 / ms),
    ratio: (size / cost.bytes).toFixed(3),
    'CPU s': cost.cpuSeconds.toFixed(2),
    'buffers MiB': codec === undefined ? '' : Math.round(buffers / MIB),
  };
}

function nameOf({ peer, codec, program }: Row): string {
  if (peer !== undefined) return peer.join(' ');
  return `backuppc-b2 ${codec ?? ''}${program === undefined ? '' : ` by ${program}`}`;
}

function chosen({ codec = '', program }: Row): CodecChoice {
  return withQuickest(codecOf({ compPath: '', compExt: '', override: codec }), (name) => name === program);
}

/** @returns compressed bytes */
async function ours(engine: Sealer, file: string, codec: CodecChoice): Promise<number> {
  const plan = planCompression(codec, engine.pool.workers);
  const source = createReadStream(file, { highWaterMark: 512 * 1024 }) as AsyncIterable<Uint8Array>;
  const { signal } = new AbortController();
  let bytes = 0;
  for await (const slice of compressStream(source, codec, { ...plan, compressor: engine.pool, signal })) {
    bytes += slice.length;
  }
  return bytes;
}

/** @returns compressed bytes */
function theirs([program, ...words]: readonly [string, ...string[]], file: string): number {
  return Number(shell(`${program} ${words.join(' ')} <'${file}' | wc -c`));
}

function shell(command: string): string {
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command]);
  if (status !== 0) throw new Error(`${command}: ${stderr.toString()}`);
  return stdout.toString();
}

/** Of this process with its threads, and of the children that have ended: utime, stime, cutime and cstime of proc(5), 100 Hz. */
function cpuSeconds(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
}
