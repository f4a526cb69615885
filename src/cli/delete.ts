/** `backuppc-b2 delete`: deletes old archives, and says why for each. */
import { byHostAndAge, datedAt, type Archive } from '../catalog/archive.js';
import { readArchive } from '../catalog/read.js';
import { objectsIn, removalSteps } from '../catalog/removal.js';
import {
  decideRetention,
  PERIODS,
  type Candidate,
  type RetentionDecision,
  type RetentionRules,
  type Unproven,
} from '../catalog/retention.js';
import { EXIT_STATUS, Failure } from '../errors.js';
import { newWork, type Work } from '../reporting/work.js';
import type { CatalogContext, ExitStatus, OpenBucket } from './context.js';
import { counted, formatAge, formatBytes, printable, printableJson, table, titleOf } from './format.js';
import { remove } from './remove.js';
import { archivesOf, assembleOptions, judged, locate, noArchive, whileListing } from './archives.js';
import { NotOurs } from './not-ours.js';
import { refuseWrongClock, storeNow } from './store-clock.js';

export interface DeleteOptions {
  readonly host: string | undefined;
  readonly number: number | undefined;
  readonly rules: RetentionRules;
  /** Also complete sets of the older scripts, known by their names alone. */
  readonly legacy?: boolean | undefined;
  /** Count unproven archives as kept, too. */
  readonly allowUnproven?: boolean | undefined;
  readonly dryRun: boolean;
  /** Do not ask. */
  readonly yes: boolean;
  readonly json: boolean;
}

/** What the decision needs: an archive without its volumes, so that thousands fit into memory. */
export type Entry = Candidate &
  Pick<Archive, 'bytes'> & {
    readonly bucket: OpenBucket;
    /** How many it has to delete. */
    readonly objects: number;
    /** By file info. What is proven may differ. */
    readonly listedAs: Archive['state'];
  };

/** @param listedAs - the state by file info, if what is proven may differ */
function entryOf(bucket: OpenBucket, archive: Archive, unproven?: Unproven, listedAs = archive.state): Entry {
  const { host, number, state, proof, finishedAt, lastActivityAt, rerunning, bytes } = archive;
  const objects = objectsIn(removalSteps(archive));
  return {
    host,
    number,
    state,
    proof,
    finishedAt,
    lastActivityAt,
    rerunning,
    bytes,
    bucket,
    objects,
    listedAs,
    unproven,
  };
}

export async function deleteArchives(context: CatalogContext, options: DeleteOptions): Promise<ExitStatus> {
  checkOptions(options);
  const notOurs = new NotOurs();
  const decisions = await decisionsOf(context, options, notOurs);
  const doomed = decisions.filter(({ action }) => action === 'delete').map(({ archive }) => archive);
  let left: Left[] = [];
  if (!options.json)
    context.out.write(decisionTable(decisions, storeNow(context, await context.openBuckets())));
  if (doomed.length === 0 && !options.json) context.out.write('Nothing to delete.\n');
  if (options.dryRun && doomed.length > 0 && !options.json) {
    context.out.write(`Dry run: ${counted(doomed.length, 'archive')} would be deleted.\n`);
  }
  if (!options.dryRun && doomed.length > 0) {
    const bytes = doomed.reduce((sum, archive) => sum + archive.bytes, 0);
    await confirm(
      context,
      options.yes,
      `Delete ${counted(doomed.length, 'archive')} (${formatBytes(bytes)})?`,
    );
    left = await deleteAll(context, doomed, options);
  }
  if (options.json) {
    const report = { ...jsonReport(decisions, left, options.dryRun), notOurs: notOurs.named };
    context.out.write(`${printableJson(report, 2)}\n`);
  } else context.out.write(notOurs.leftAlone());
  for (const { name, reason } of left) context.out.note(`left ${printable(name)}: ${reason}`);
  return left.length > 0 ? EXIT_STATUS.left : EXIT_STATUS.ok;
}

async function deleteAll(
  context: CatalogContext,
  doomed: readonly Entry[],
  options: Pick<DeleteOptions, 'json' | 'legacy'>,
): Promise<Left[]> {
  const total = doomed.reduce((sum, { objects }) => sum + objects, 0);
  const work = newWork({ title: '', unit: 'objects', total });
  const left: Left[] = [];
  await context.out.follow(options.json ? undefined : work, async () => {
    let before = 0;
    for (const entry of doomed) {
      work.title = titleOf(entry);
      for (const one of await deleteOne(context, entry, work, options)) left.push(one);
      // It may have changed since it was counted.
      before += entry.objects;
      work.done = before;
    }
  });
  return left;
}

interface Left {
  readonly host: string;
  readonly number: number;
  readonly name: string;
  readonly reason: string;
}

async function deleteOne(
  context: CatalogContext,
  entry: Entry,
  work: Work,
  { json, legacy }: Pick<DeleteOptions, 'json' | 'legacy'>,
): Promise<Left[]> {
  const { host, number, bucket } = entry;
  // Read again, because a new run of it may have started while the user was asked.
  const archive = await readArchive(bucket.store, host, number, {
    ...(await assembleOptions(context, host)),
    legacy,
  });
  if (archive === undefined) return [];
  if (archive.state !== entry.listedAs || archive.proof !== entry.proof || archive.rerunning) {
    return [
      { host, number, name: `${host} #${number}`, reason: `it has changed meanwhile: ${archive.state}` },
    ];
  }
  const result = await remove(bucket.store, removalSteps(archive), () => {
    work.done += 1;
  });
  if (!json) {
    const locked = result.left.length === 0 ? '' : `, ${counted(result.left.length, 'object')} left`;
    context.out.write(
      `deleted ${titleOf(entry)}: ${counted(result.deleted, 'object')}, ${formatBytes(result.bytes)}${locked}\n`,
    );
  }
  return result.left.map(({ object, reason }) => ({ host, number, name: object.name, reason }));
}

function checkOptions({ host, number, rules }: DeleteOptions): void {
  const byAge = rules.ageDays !== undefined || PERIODS.some((period) => (rules.periods[period] ?? 0) > 0);
  if (number !== undefined) {
    if (host === undefined) throw new Failure('usage', '--number needs --host');
    if (byAge)
      throw new Failure('usage', '--number names one archive: it does not go with --age or --keep-…');
    return;
  }
  if (!byAge) {
    throw new Failure(
      'usage',
      'nothing selected: give --age DAYS, --keep-daily/-weekly/-monthly/-yearly N, or --host HOST --number N',
    );
  }
}

async function decisionsOf(
  context: CatalogContext,
  options: DeleteOptions,
  notOurs: NotOurs,
): Promise<RetentionDecision<Entry>[]> {
  const { host, number, legacy } = options;
  if (host !== undefined && number !== undefined) {
    const { bucket, archive } = await locate(context, { host, number, unfinalized: true, legacy });
    refuseUnproven(archive, legacy === true);
    if (archive.rerunning || archive.unfinished.some(({ alive }) => alive)) {
      throw new Failure('locked', `${host} #${number} is being written`);
    }
    return [{ archive: entryOf(bucket, archive), action: 'delete', reason: 'named on the command line' }];
  }
  const entries: Entry[] = [];
  await whileListing(context, async (seen) => {
    for await (const found of archivesOf(context, { host, legacy, foreign: notOurs.add })) {
      const { state, proof } = found.archive;
      const counts = ['finished', 'partial', 'damaged'].includes(state) && proof === 'file-info';
      const { located, unproven } =
        counts && options.allowUnproven !== true
          ? await judged(context, found)
          : { located: found, unproven: undefined };
      entries.push(entryOf(located.bucket, located.archive, unproven, state));
      seen();
    }
  });
  if (entries.length === 0 && host !== undefined)
    throw noArchive(
      host,
      undefined,
      notOurs.named.reduce((sum, { objects }) => sum + objects, 0),
    );
  entries.sort(byHostAndAge);
  const now = storeNow(context, await context.openBuckets(host));
  refuseWrongClock(context, now);
  return decideRetention(entries, options.rules, now);
}

/** @throws Failure `usage` if file info does not prove that the archive is ours and the owner did not insist, or it is incomplete */
function refuseUnproven({ host, number, state, proof }: Archive, legacy: boolean): void {
  if (proof === 'file-info') return;
  const title = `${host} #${number}`;
  if (proof === 'manifest' && !legacy)
    throw new Failure('usage', `${title} is a copy that has lost its file info`, {
      hint: '--legacy deletes it anyway',
    });
  if (proof === 'name' && state !== 'finished')
    throw new Failure('usage', `${title} is known by its names alone, and not whole (${state})`, {
      hint: 'delete it with the program that put it there',
    });
}

/** @throws Failure `interrupted` if the answer is no, `usage` if nobody can be asked */
async function confirm(context: Pick<CatalogContext, 'out'>, yes: boolean, question: string): Promise<void> {
  if (yes) return;
  if (!context.out.interactive) {
    throw new Failure('usage', 'nobody to ask: standard input is not a terminal', {
      hint: '--yes does it without asking, --dry-run only shows it',
    });
  }
  const answer = await context.out.ask(`${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new Failure('interrupted', 'nothing was deleted');
}

/** Pure; golden-tested. */
function decisionTable(decisions: readonly RetentionDecision<Entry>[], now: number): string {
  return table(
    [
      ['HOST', 'left'],
      ['#', 'right'],
      ['STATE', 'left'],
      ['AGE', 'right'],
      ['SIZE', 'right'],
      ['', 'left'],
      ['REASON', 'left'],
    ],
    decisions.map(({ archive, action, reason }) => [
      printable(archive.host),
      String(archive.number),
      archive.state,
      formatAge(now - datedAt(archive)),
      formatBytes(archive.bytes),
      action,
      reason,
    ]),
  );
}

function jsonReport(
  decisions: readonly RetentionDecision<Entry>[],
  left: readonly Left[],
  dryRun: boolean,
): Record<string, unknown> {
  return {
    dryRun,
    decisions: decisions.map(({ archive: { host, number, state, bytes }, action, reason }) => ({
      host,
      number,
      state,
      bytes,
      action,
      reason,
    })),
    left: left,
  };
}
