/**
 * The cost of a byte, measured here on one core, and what follows from it for machines and lines that are not here.
 *
 *     npm run bench -- paper [--rounds 3] [--quick] [--save]
 */
import { parseArgs } from 'node:util';
import { codecOf } from '../../src/compression/codec-choice.js';
import { planCompression } from '../../src/compression/memory.js';
import { formatDuration } from '../../src/reporting/progress.js';
import { measure } from '../../src/tuning/measure.js';
import type { CompressionCase, Figure, SealingCase } from '../../src/tuning/figures.js';
import { contest, type Contestant } from '../contest.js';
import { corpus } from '../corpus.js';
import { forecast, type Costs, type Scenario } from '../paper.js';
import { median, publish, type Row } from '../report.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Of the main thread's time per byte without TLS, what goes into reading and copying; from a profile (bench/README.md). */
const READING_SHARE = 0.35;

const FOUR_SLOW_CORES = { cores: 4, gzipRate: 25e6 };
const LINE = {
  lineBytesPerSecond: 0.95 * 125e6,
  roundTripSeconds: 0.2,
  connectionBytesPerSecond: 5e6,
  partBytes: 8 * MIB,
  tarBytes: 10e12,
};

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  const rounds = Number(values.rounds ?? (quick ? 1 : 3));
  const seconds = quick ? 0.5 : 3;
  const sample = corpus('files', 256);
  const one = async (order: SealingCase | CompressionCase): Promise<Figure> => {
    const outcome = await measure({ case: order, sample, seconds }, new AbortController().signal);
    if (outcome.kind !== 'measured') throw new Error(outcome.reason);
    return outcome;
  };
  const seal = 1 / (await one({ kind: 'sealing', profile: 'librepgp', aead: 'ocb', workers: 1 })).rate;
  const { plain, tls } = await wholeCosts(rounds, quick);
  const read = READING_SHARE * (plain - seal);
  const send = tls - seal - read;

  const costRows: Row[] = [
    row('read and pack (main thread), of tar', read),
    row('seal (worker), of what is sealed', seal),
    row('send without TLS (main thread)', plain - seal - read),
    row('send over TLS (main thread)', send),
  ];
  const rows: Row[] = [];
  let slower = 1;
  for (const codec of ['gzip:6', 'zstd:3', 'none']) {
    const figure = codec === 'none' ? undefined : await one({ kind: 'compression', codec, workers: 1 });
    const compress = figure === undefined ? 0 : 1 / figure.rate;
    if (figure !== undefined) costRows.push(row(`${codec} (worker), of tar`, compress));
    if (codec === 'gzip:6' && figure !== undefined) slower = figure.rate / FOUR_SLOW_CORES.gzipRate;
    const choice = codecOf({ compPath: '', compExt: '', override: codec });
    const costs: Costs = { read, compress, seal, send };
    const scenario: Scenario = { ...LINE, cores: FOUR_SLOW_CORES.cores, slower };
    const seen = forecast(costs, figure?.share ?? 1, planCompression(choice, scenario.cores).bytes, scenario);
    rows.push({
      codec,
      'CPU, MB/s of tar': Math.round(seen.cpu / 1e6),
      'line, MB/s of tar': Math.round(seen.line / 1e6),
      limit: seen.limit,
      '10 TB take': formatDuration(seen.seconds * 1000),
      'stored TB': (seen.storedBytes / 1e12).toFixed(1),
      'main thread, % of a core': Math.round(100 * seen.mainThread),
      connections: seen.connections,
      '--memory': `${Math.ceil(seen.memoryBytes / MIB)}M`,
    });
  }
  publish(
    {
      topic: 'paper',
      command: `npm run bench -- paper ${args.join(' ')}`.trim(),
      notes: [
        `A core of gzip:6 at 25 MB/s is ${slower.toFixed(2)} times slower than one of these; everything is taken to be.`,
        'A connection is taken to carry 5 MB/s over 200 ms, and waits for an answer after each part of 8 MiB. The source is taken to keep up.',
      ],
      tables: [
        { title: 'Cost of a byte on one core here', rows: costRows },
        { title: 'Four such slow cores, 1 Gbit/s, 200 ms, TLS, 10 TB', rows },
      ],
    },
    values.save,
  );
}

function row(what: string, secondsPerByte: number): Row {
  return { what, 'CPU s per GiB': (secondsPerByte * GIB).toFixed(2) };
}

/** CPU seconds per byte of an archive without compression: from two sizes, so that the start does not count. */
async function wholeCosts(rounds: number, quick: boolean): Promise<{ plain: number; tls: number }> {
  const input = corpus('random', quick ? 64 : 256);
  const times = [1, 5];
  const way = (ours: string, count: number): Contestant => ({
    name: `${ours} ${count}`,
    command: `env ${ours} -- sh -c 'for i in $(seq ${count}); do cat $INPUT; done'`,
  });
  const ways = ['$OURS', '$OURS_TLS'].flatMap((ours) => times.map((count) => way(ours, count)));
  const results = await contest(ways, input, rounds, { tls: true });
  const cpu = results.map(({ figures }) => median(figures.map(({ cpuSeconds }) => cpuSeconds)));
  const bytes = 4 * (quick ? 64 : 256) * MIB;
  const [plainOnce = 0, plainMore = 0, tlsOnce = 0, tlsMore = 0] = cpu;
  return { plain: (plainMore - plainOnce) / bytes, tls: (tlsMore - tlsOnce) / bytes };
}
