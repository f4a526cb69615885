/**
 * How time and memory grow: with workers, with the size of the archive, with the number of its volumes.
 *
 *     npm run bench -- scaling [--rounds 3] [--quick] [--save]
 *
 * Workers: 1 to all cores. Sizes: 64 MiB to 8 GiB, where memory must stay what it is. Volumes: 1 to 64 of the same GiB.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { workerCounts } from '../../src/tuning/cases.js';
import { contest, contestRows, type Contestant } from '../contest.js';
import { corpus, sizeOf } from '../corpus.js';
import { publish, type Row, type Table } from '../report.js';

const MIB = 2 ** 20;

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
  const tables: Table[] = [
    ...(await overWorkers(rounds, quick)),
    await overSizes(rounds, quick),
    await overVolumes(rounds, quick),
  ];
  publish(
    { topic: 'scaling', command: `npm run bench -- scaling ${args.join(' ')}`.trim(), tables },
    values.save,
  );
}

async function overWorkers(rounds: number, quick: boolean): Promise<Table[]> {
  const tables: Table[] = [];
  for (const [title, flags, input] of [
    ['no compression, incompressible data', '', corpus('random', quick ? 256 : 1024)],
    ['rfc4880, incompressible data', '--openpgp-profile rfc4880', corpus('random', quick ? 256 : 1024)],
    ['gzip, real files', '--compress gzip', corpus('files', quick ? 64 : 512)],
    ['zstd, real files', '--compress zstd', corpus('files', quick ? 128 : 512)],
  ] as const) {
    const contestants = workerCounts(availableParallelism()).map((workers) => ({
      name: `${workers} worker${workers === 1 ? '' : 's'}`,
      command: `env $OURS --workers ${workers} ${flags} -- cat $INPUT`,
    }));
    const rows = contestRows(await contest(contestants, input, rounds), sizeOf(input));
    const one = Number(rows[0]?.['MB/s']);
    tables.push({
      title: `Workers: ${title}`,
      rows: rows.map((row) => ({ ...ours(row), '× one worker': (Number(row['MB/s']) / one).toFixed(2) })),
    });
  }
  return tables;
}

async function overSizes(rounds: number, quick: boolean): Promise<Table> {
  const input = corpus('random', 64);
  const rows: Row[] = [];
  for (const mib of quick ? [64, 256, 1024] : [64, 256, 1024, 4096, 8192]) {
    const times = mib / 64;
    const contestant = {
      name: mib < 1024 ? `${mib} MiB` : `${mib / 1024} GiB`,
      command: `env $OURS -- sh -c 'for i in $(seq ${times}); do cat $INPUT; done'`,
    };
    // What takes long needs no repetition.
    const results = await contest([contestant], input, mib > 1024 ? 1 : rounds);
    rows.push(...contestRows(results, mib * MIB).map(ours));
  }
  return { title: 'Sizes, incompressible data, default settings', rows };
}

async function overVolumes(rounds: number, quick: boolean): Promise<Table> {
  const mib = quick ? 256 : 1024;
  const input = corpus('random', mib);
  const contestants: Contestant[] = (quick ? [1, 8] : [1, 4, 16, 64]).map((volumes) => ({
    name: `${volumes} volume${volumes === 1 ? '' : 's'}`,
    command: `env $OURS --split-size ${Math.ceil((mib * MIB) / volumes)} -- cat $INPUT`,
  }));
  return {
    title: `Volumes of ${mib} MiB, incompressible data, default settings`,
    rows: contestRows(await contest(contestants, input, rounds), sizeOf(input)).map(ours),
  };
}

/** There is nobody else in these. */
function ours(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([column]) => column !== '× our time'));
}
