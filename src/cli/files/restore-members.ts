/** Restores single members by the index: only the parts that hold them are downloaded. */
import type { Manifest } from '../../catalog/manifest.js';
import { Failure, EXIT_STATUS } from '../../errors.js';
import { escapeOctets } from '../../members/escape.js';
import { matcher } from '../../members/match.js';
import { printable } from '../../printable.js';
import { newWork } from '../../reporting/work.js';
import { pickMembers } from '../../restore/pick-members.js';
import { planRuns, Selection } from '../../restore/selection.js';
import type { Losses } from '../../restore/restore.js';
import { toldSink, type Sink } from '../../restore/sink.js';
import type { Located } from '../archives.js';
import type { ExitStatus } from '../context.js';
import type { Packing } from '../decompress.js';
import { counted, formatBytes, titleOf } from '../format.js';
import type { RestoreContext } from '../restore-context.js';
import { planOfMembers } from '../restore-plan.js';
import { sayUnmatched, type OpenedIndex } from './opened-index.js';

export interface MembersJob {
  readonly located: Located;
  readonly manifest: Manifest;
  readonly index: OpenedIndex;
  readonly patterns: readonly string[];
  readonly packing: Exclude<Packing, { kind: 'unknown' }>;
  /** Only say what would be fetched. */
  readonly dryRun: boolean;
  /** Called once there is something to write. */
  readonly openTarget: () => Promise<{
    readonly sink: Sink;
    readonly done: (losses: Losses) => Promise<void>;
  }>;
  /** Whether its progress is shown. */
  readonly shown: boolean;
  readonly signal: AbortSignal | undefined;
}

/** @throws Failure `notFound` when nothing matches */
export async function restoreMembers(
  context: RestoreContext,
  say: (line: string) => void,
  job: MembersJob,
): Promise<ExitStatus> {
  const { located, manifest, index, packing, signal } = job;
  const { archive, bucket } = located;
  const title = titleOf(archive);
  const before = bucket.store.counters.bytesReceived;
  const wanted = matcher(job.patterns, manifest.share);
  const selection = new Selection((path) => wanted.matches(path));
  while (await selection.take(index.lines()));
  const { members } = selection;
  if (selection.damage !== undefined)
    context.out.note(`warning: ${printable(selection.damage)}: no member is known from there on`);
  if (members.length === 0) {
    throw new Failure('notFound', `nothing in ${title} matches ${job.patterns.map(printable).join(', ')}`, {
      hint: `backuppc-b2 files --host ${printable(archive.host)} --number ${archive.number} lists what there is`,
    });
  }
  const runs = planRuns(members, {
    dataBytes: manifest.volumes.map(({ dataBytes }) => dataBytes),
    plain: packing.kind === 'plain',
    points: selection.points,
    joinBytes: Math.max(...manifest.volumes.map(({ parts }) => parts[0]?.[0] ?? 0).slice(0, 1)),
  });
  const total = members.reduce((sum, { from, to }) => sum + to - from, 0);
  if (job.dryRun) {
    const stretches = runs.map(({ stored }) => stored);
    const some = { count: members.length, bytes: total };
    context.out.write(`${planOfMembers(archive, manifest, some, stretches)}\n`);
    return sayUnmatched(context, wanted);
  }
  const reader = await context.dataReader(located, manifest);
  const { sink, done } = await job.openTarget();
  const format = packing.kind === 'plain' ? undefined : packing.format;
  const work = newWork({ title, unit: 'bytes', total });
  const told = toldSink(sink, (bytes) => {
    work.done += bytes;
  });
  await context.out.follow(job.shown ? work : undefined, () =>
    pickMembers(told, { reader, runs, format, signal }),
  );
  await done({ gaps: 0, tar: undefined });
  for (const path of selection.missingTargets)
    context.out.note(`warning: a hard link points to ${escapeOctets(path)}, which is not in the archive`);
  const fetched = bucket.store.counters.bytesReceived - before;
  say(
    `restored ${counted(members.length, 'member')} of ${title}: fetched ${formatBytes(fetched)} of ${formatBytes(archive.bytes)}`,
  );
  const status = sayUnmatched(context, wanted);
  return selection.missingTargets.length > 0 ? EXIT_STATUS.partial : status;
}
