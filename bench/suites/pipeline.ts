/**
 * The whole road without compression, 1 GiB of incompressible data, beside `gpg | rclone rcat` on the same server in the same run.
 *
 *     npm run bench -- pipeline [--mib 1024] [--rounds 3] [--large GIB] [--quick] [--save]
 *
 * --large also runs so many GiB once, to show that memory stays what it was.
 */
import { parseArgs } from 'node:util';
import { contest, contestRows, type Contestant } from '../contest.js';
import { corpus, sizeOf } from '../corpus.js';
import { publish, type Table } from '../report.js';

export const GPG_RCLONE: Contestant = {
  name: 'gpg -z0 | rclone rcat',
  command: '$GPG < $INPUT | $RCLONE :b2:$BUCKET/pair.gpg',
};
export const OURS: Contestant = { name: 'backuppc-b2', command: 'env $OURS -- cat $INPUT' };

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      mib: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      large: { type: 'string' },
      save: { type: 'boolean', default: false },
    },
  });
  const mib = Number(values.mib ?? (values.quick ? 256 : 1024));
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  const input = corpus('random', mib);
  const contestants = [
    OURS,
    { name: 'backuppc-b2 --memory 64M', command: 'env $OURS --memory 64M -- cat $INPUT' },
    GPG_RCLONE,
  ];
  const tables: Table[] = [
    {
      title: `${mib} MiB, incompressible`,
      rows: contestRows(await contest(contestants, input, rounds), sizeOf(input)),
    },
  ];
  if (values.large !== undefined) {
    const times = Math.ceil((Number(values.large) * 1024) / mib);
    const repeated = {
      name: 'backuppc-b2',
      command: `env $OURS -- sh -c 'for i in $(seq ${times}); do cat $INPUT; done'`,
    };
    tables.push({
      title: `${values.large} GiB, incompressible`,
      rows: contestRows(await contest([repeated], input, 1), times * sizeOf(input)),
    });
  }
  publish(
    { topic: 'pipeline', command: `npm run bench -- pipeline ${args.join(' ')}`.trim(), tables },
    values.save,
  );
}
