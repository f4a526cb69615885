/**
 * Over TLS beside plain, by a certificate of our own authority, and how late the main thread is while everything is saturated.
 *
 *     npm run bench -- tls [--mib 1024] [--rounds 3] [--quick] [--save]
 *
 * The server decrypts on the same cores: what is lost here is both ends' share.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { RunSummary } from '../../src/reporting/summary.js';
import { contest, contestRows, type Contestant } from '../contest.js';
import { corpus, sizeOf } from '../corpus.js';
import { median, publish, spread, type Row } from '../report.js';
import { GPG_RCLONE, OURS } from './pipeline.js';

const OVER_TLS: readonly Contestant[] = [
  { ...OURS, name: 'backuppc-b2, plain' },
  { name: 'backuppc-b2, TLS', command: 'env $OURS_TLS -- cat $INPUT' },
  { ...GPG_RCLONE, name: `${GPG_RCLONE.name}, plain` },
  {
    name: `${GPG_RCLONE.name}, TLS`,
    command: GPG_RCLONE.command.replace('$RCLONE', '$RCLONE_TLS'),
  },
];

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      mib: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  });
  const mib = Number(values.mib ?? (values.quick ? 256 : 1024));
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  const input = corpus('random', mib);
  const results = await contest(OVER_TLS, input, rounds, { tls: true });
  const wall = (name: string): number =>
    median(
      results.find((result) => result.name === name)?.figures.map((figures) => figures.wallSeconds) ?? [],
    );
  const ratio = (100 * wall('backuppc-b2, plain')) / wall('backuppc-b2, TLS');
  publish(
    {
      topic: 'tls',
      command: `npm run bench -- tls ${args.join(' ')}`.trim(),
      notes: [`Over TLS ${ratio.toFixed(0)} % of plain.`],
      tables: [
        { title: `${mib} MiB, incompressible`, rows: contestRows(results, sizeOf(input)) },
        {
          title: 'Event loop of the main thread while saturated, ms late',
          rows: await loopDelay(mib, rounds),
        },
      ],
    },
    values.save,
  );
}

/** As an archive tells it in its summary, to a hook. */
async function loopDelay(mib: number, rounds: number): Promise<Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-delay-'));
  const ways = [
    ['no compression', 'random', '$OURS'],
    ['no compression, TLS', 'random', '$OURS_TLS'],
    ['no compression, --memory 64M', 'random', '$OURS --memory 64M'],
    ['gzip', 'files', '$OURS --compress gzip'],
    ['zstd', 'files', '$OURS --compress zstd'],
  ] as const;
  try {
    const rows: Row[] = [];
    for (const [index, [name, input, command]] of ways.entries()) {
      const file = join(directory, String(index));
      const hook = `--on-success 'cat >> ${file}; echo >> ${file}'`;
      await contest(
        [{ name, command: `eval "env ${command} ${hook} -- cat $INPUT"` }],
        corpus(input, input === 'files' ? mib / 2 : mib),
        rounds,
        { tls: true },
      );
      const seen = readFileSync(file, 'utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as RunSummary).loopDelay);
      rows.push({
        archive: name,
        p99: spread(seen.map(({ p99Ms }) => p99Ms)),
        longest: spread(seen.map(({ maxMs }) => maxMs)),
      });
    }
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
