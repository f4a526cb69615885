/**
 * The honest side by side: what else does this job, with the same input, on the same server, taking turns.
 *
 *     npm run bench -- peers [--mib 512] [--rounds 3] [--quick] [--save]
 *
 * Peers that are not installed are named as missing (Debian: gnupg rclone pigz zstd gzip).
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { barChart } from '../chart.js';
import { contest, contestRows, type Contestant } from '../contest.js';
import { corpus, sizeOf, type CorpusName } from '../corpus.js';
import { publish, type Table } from '../report.js';
import { GPG_RCLONE, OURS } from './pipeline.js';

interface Heat {
  readonly title: string;
  readonly input: CorpusName;
  readonly contestants: readonly (Contestant & { readonly needs: readonly string[] })[];
}

const piped = (compressor: string): Contestant & { needs: readonly string[] } => ({
  name: `${compressor} | gpg -z0 | rclone rcat`,
  command: `${compressor} < $INPUT | $GPG | $RCLONE :b2:$BUCKET/pair.gpg`,
  needs: [compressor.split(' ')[0] ?? '', 'gpg', 'rclone'],
});
const ours = (codec: string): Contestant & { needs: readonly string[] } => ({
  name: `backuppc-b2 --compress ${codec}`,
  command: `env $OURS --compress ${codec} -- cat $INPUT`,
  needs: [],
});

const HEATS: readonly Heat[] = [
  {
    title: 'No compression, incompressible data',
    input: 'random',
    contestants: [
      { ...OURS, needs: [] },
      { ...GPG_RCLONE, needs: ['gpg', 'rclone'] },
      {
        name: 'gpg to a file, then rclone copyto',
        command: 'rm -f $DIR/f; $GPG -o $DIR/f < $INPUT && ${RCLONE%rcat}copyto $DIR/f :b2:$BUCKET/file.gpg',
        disk: 1,
        needs: ['gpg', 'rclone'],
      },
      {
        name: 'rclone crypt (its own format)',
        command:
          'RCLONE_CRYPT_REMOTE=:b2:$BUCKET RCLONE_CRYPT_PASSWORD=$(rclone obscure bench) $RCLONE :crypt:crypted < $INPUT',
        needs: ['rclone'],
      },
    ],
  },
  {
    title: 'gzip, a tar of real files',
    input: 'files',
    contestants: [ours('gzip'), piped('gzip -6'), piped('pigz -6')],
  },
  {
    title: 'zstd, a tar of real files',
    input: 'files',
    contestants: [ours('zstd'), piped('zstd -3 -T0 -q')],
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
  const mib = Number(values.mib ?? (values.quick ? 64 : 512));
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  const tables: Table[] = [];
  const missing = new Set<string>();
  const bars: { label: string; value: number; ours: boolean }[] = [];
  for (const { title, input, contestants } of HEATS) {
    const present = contestants.filter(({ needs }) => {
      const lacking = needs.filter((program) => spawnSync('which', [program]).status !== 0);
      for (const program of lacking) missing.add(program);
      return lacking.length === 0;
    });
    const path = corpus(input, mib);
    const results = await contest(present, path, rounds);
    const rows = contestRows(results, sizeOf(path));
    tables.push({ title, rows });
    for (const row of rows)
      bars.push({
        label: String(row['program']),
        value: Number(row['MB/s']),
        ours: String(row['program']).startsWith('backuppc-b2'),
      });
  }
  const notes = missing.size === 0 ? [] : [`Missing here: ${[...missing].join(', ')}.`];
  notes.push(
    'restic 0.14 and duplicity cannot be pointed at another B2 endpoint, so they are not in the race.',
  );
  publish(
    { topic: 'peers', command: `npm run bench -- peers ${args.join(' ')}`.trim(), notes, tables },
    values.save,
  );
  if (values.save)
    writeFileSync('bench/results/peers.svg', barChart('MB/s of tar, two cores, B2 server on loopback', bars));
}
