/** `backuppc-b2 restore`: restores an archive. */
import type { Archive } from '../catalog/archive.js';
import { mayHoldOther } from '../catalog/manifest.js';
import { piecesOfPlaces, placesOf, type VolumePlace } from '../catalog/volume-places.js';
import { EXIT_STATUS, Failure, OutputClosed } from '../errors.js';
import { startedWithoutOutput } from '../pipes/standard-output.js';
import { newWork, type Work } from '../reporting/work.js';
import { markDamaged } from '../restore/mark-damaged.js';
import type { RestorePlace } from '../restore/flow.js';
import { restoreInto, type Losses, type RestoreJob } from '../restore/restore.js';
import { hasBusyboxTar, withinBusybox } from '../restore/busybox-tar.js';
import { contentsSink, stdoutSink, tarSink, toldSink } from '../restore/sink.js';
import { targetDirectory } from '../restore/target-directory.js';
import { admit, type Allowances } from './admit.js';
import type { ExitStatus } from './context.js';
import { indexOf } from './files/opened-index.js';
import { restoreMembers } from './files/restore-members.js';
import type { RestoreContext } from './restore-context.js';
import type { RestoreTarget } from './restore-target.js';
import { nothing, openFile, type FileTarget, type OpenTarget } from './restore-file.js';
import { checkTarget, planOfAll } from './restore-plan.js';
import { authenticatedSizes, dataBytesOf, readerFrom } from './restore-resume.js';
import { packingOf, unknownPacking, type Packing } from './decompress.js';
import { counted, formatBytes, printable, titleOf } from './format.js';
import { locate } from './archives.js';

export interface RestoreOptions extends Allowances {
  readonly host: string;
  readonly number: number | undefined;
  readonly unfinalized: boolean;
  /** Accept an archive of the older scripts, known by its names alone. */
  readonly legacy?: boolean | undefined;
  /** Continue after damage, and restore what can be read. */
  readonly keepGoing?: boolean | undefined;
  readonly target: RestoreTarget;
  /** Only say what would be fetched. */
  readonly dryRun?: boolean | undefined;
  readonly quiet: boolean;
  readonly signal?: AbortSignal | undefined;
}

export type { RestoreContext } from './restore-context.js';
export type { RestoreTarget } from './restore-target.js';

export async function restore(context: RestoreContext, options: RestoreOptions): Promise<ExitStatus> {
  const located = await locate(context, options);
  const title = titleOf(located.archive);
  const giveAll = options.unfinalized || options.keepGoing === true;
  const { archive, bucket, manifest, doubts } = await admit(context, located, { ...options, giveAll });
  if (archive.volumes.length === 0)
    throw new Failure('notFound', `${title} has no volume that is complete: nothing to restore`);
  const note = (line: string): void => {
    context.out.note(line);
  };
  const places = placesOf(archive, manifest);
  const missing = places.filter(({ volume }) => volume === undefined);
  if (missing.length > 0 && !giveAll) throw missingVolumes(title, missing);
  const salvage = giveAll && (options.keepGoing === true || doubts.length > 0 || missing.length > 0);
  for (const doubt of doubts) note(`warning: ${title} ${printable(doubt)}`);

  // Where the terminal gets the data itself, nothing may come between.
  const shown = !(goesToOutput(options.target) && context.out.writesToTerminal);
  const packing = packingOf({ ...archive, codec: archive.codec ?? manifest?.codec.name });
  const paths = pathsOf(options.target);
  const index =
    paths.length === 0 || salvage
      ? undefined
      : manifest && indexOf(context, { bucket, archive }, manifest, options.signal);
  if (index !== undefined && packing.kind !== 'unknown') {
    const say = (line: string): void => {
      if (!options.quiet) note(line);
    };
    if (options.dryRun === true) await checkTarget(options.target);
    return restoreMembers(context, say, {
      dryRun: options.dryRun === true,
      ...index,
      index,
      patterns: paths,
      packing,
      openTarget: () =>
        openTarget(
          withoutPaths(options.target),
          archive,
          { packing, mayResume: false, dataBytes: undefined },
          note,
        ),
      shown,
      signal: options.signal,
    });
  }
  if (options.dryRun === true) {
    await checkTarget(options.target);
    context.out.write(`${planOfAll(archive, manifest, options.target)}\n`);
    return missing.length + doubts.length > 0 ? EXIT_STATUS.partial : EXIT_STATUS.ok;
  }
  const sizes = authenticatedSizes(archive, places);
  const how = { packing, mayResume: !salvage, dataBytes: sizes };
  // Before the target: without keys there is nothing to do, and an open target would have to be cleared away again.
  const whole = await context.archiveReader({ bucket, archive }, manifest);
  const target = await openTarget(options.target, archive, how, note);
  const reader = await readerFrom(whole, context, { bucket, archive }, manifest, target);
  const volumes = archive.volumes.length;
  if (target.skip + target.within > 0) {
    const within = target.within === 0 ? '' : ` and ${formatBytes(target.within)} of the next`;
    note(`resuming after ${counted(target.skip, 'volume')}${within} of an earlier run`);
  }
  let number = target.skip;
  let losses: Losses = { gaps: 0, tar: undefined };
  const job: RestoreJob = {
    reader,
    places: places.slice(target.skip).map(placeInFlow),
    pieces: piecesOfPlaces(places),
    dataBytes: dataBytesOf(places, target),
    form: target.asStored && packing.kind !== 'plain' ? 'stored' : formOf(packing),
    unknown: () => unknownPacking(archive, packing.kind === 'unknown' ? packing.by : archive.extension),
    tarBytes: archive.state === 'finished' ? manifest?.tar.bytes : undefined,
    mayBeOther: manifest !== undefined && mayHoldOther(manifest),
    fromBeginning: target.skip + target.within === 0,
    salvage,
    signal: options.signal,
    async onVolume(volume, dataBytes) {
      number += 1;
      if (!options.quiet && isPercentReached(number, volumes))
        note(`volume ${number} of ${volumes}: ${printable(volume.name)}, ${formatBytes(volume.bytes)}`);
      await target.volumeDone(volume, dataBytes);
    },
    onGap: (reason) => {
      note(`lost: ${printable(reason)}`);
    },
    onLosses(found) {
      losses = found;
      for (const line of cutLines(found)) note(printable(line));
    },
  };
  try {
    const work = workOf(title, job, places, target);
    const sink = toldSink(target.sink, (bytes) => {
      work.done += bytes;
    });
    await context.out.follow(shown ? work : undefined, () => restoreInto(sink, job));
  } catch (error) {
    const left = target.left();
    if (left !== undefined) note(printable(left));
    throw error;
  }
  await target.done(losses);
  const status = statusOf(losses, missing.length, doubts.length);
  const verdict = verdictOf(status, losses);
  if (!options.quiet || status !== EXIT_STATUS.ok)
    note(`restored ${title}: ${counted(volumes, 'volume')}, ${formatBytes(archive.bytes)}${verdict}`);
  return status;
}

/** Counts what is written: the tar, or the data as it is stored. */
function workOf(title: string, job: RestoreJob, places: readonly VolumePlace[], target: OpenTarget): Work {
  const unpacked = job.form !== 'stored' && job.form !== 'tar';
  if (unpacked) return newWork({ title, unit: 'bytes', total: job.tarBytes });
  // The encryption adds little: without a manifest the sealed size has to do.
  const bytesOf = (some: readonly VolumePlace[]): number =>
    some.reduce((sum, { expected, volume }) => sum + (expected?.dataBytes ?? volume?.bytes ?? 0), 0);
  return newWork({
    title,
    unit: 'bytes',
    total: bytesOf(places),
    earlier: bytesOf(places.slice(0, target.skip)) + target.within,
  });
}

/** At most a hundred lines, however many volumes there are. */
function isPercentReached(number: number, of: number): boolean {
  return Math.floor((number * 100) / of) > Math.floor(((number - 1) * 100) / of);
}

function missingVolumes(title: string, missing: readonly VolumePlace[]): Failure {
  const names = missing.slice(0, 3).map(({ name }) => name);
  const more = missing.length > names.length ? ', …' : '';
  return new Failure(
    'damaged',
    `${title} lacks ${counted(missing.length, 'volume')}: ${names.join(', ')}${more}`,
    { hint: '--unfinalized gives what there is' },
  );
}

function placeInFlow({ name, expected, volume }: VolumePlace): RestorePlace {
  return volume === undefined
    ? { kind: 'missing', name, dataBytes: expected?.dataBytes }
    : { kind: 'stored', volume };
}

function formOf(packing: Packing): RestoreJob['form'] {
  if (packing.kind === 'plain') return 'tar';
  return packing.kind === 'packed' ? packing.format : 'unknown';
}

/** One line for each incomplete member. */
function cutLines({ tar }: Losses): string[] {
  return (tar?.cut ?? []).map(
    ({ path, dataBytes, from }) =>
      `lost: ${Buffer.from(path).toString('utf8')}: damaged from byte ${from} of ${dataBytes} on, zeros stand there instead`,
  );
}

function statusOf(losses: Losses, missing: number, doubts: number): ExitStatus {
  if (losses.gaps > missing) return EXIT_STATUS.damaged;
  const incomplete = missing + doubts + (losses.tar?.cut.length ?? 0) + (losses.tar?.unnamed ?? 0);
  return incomplete > 0 ? EXIT_STATUS.partial : EXIT_STATUS.ok;
}

function verdictOf(status: ExitStatus, { tar }: Losses): string {
  if (status === EXIT_STATUS.ok) return '';
  const cut = tar?.cut.length ?? 0;
  const parts = [
    ...(cut > 0 ? [`${counted(cut, 'member')} damaged`] : []),
    ...((tar?.unnamed ?? 0) > 0 ? ['members missing whose names are lost, too'] : []),
  ];
  return parts.length > 0 ? `, but not all of it: ${parts.join(', ')}` : ', which may not be all of it';
}

async function openTarget(
  target: RestoreTarget,
  archive: Archive,
  how: Omit<FileTarget, 'path'>,
  note: (line: string) => void,
): Promise<OpenTarget> {
  const plainly = {
    ...{ asStored: false, skip: 0, within: 0 },
    ...{ volumeDone: nothing, done: nothing, left: () => undefined },
  };
  switch (target.kind) {
    case 'directory': {
      const { path, paths } = target;
      return { ...plainly, ...(await openDirectory(path, paths, note)) };
    }
    case 'contents': {
      // tar would write to what Node has put there.
      if (startedWithoutOutput) throw new OutputClosed();
      const sink = contentsSink(target.paths, (line) => {
        note(printable(line));
      });
      return { ...plainly, sink };
    }
    case 'stdout':
      return { ...plainly, sink: stdoutSink() };
    case 'file':
      return openFile(archive, { ...how, path: target.path });
  }
}

function goesToOutput({ kind }: RestoreTarget): boolean {
  return kind === 'stdout' || kind === 'contents';
}

/** Members requested by name; empty: all. */
function pathsOf(target: RestoreTarget): readonly string[] {
  return 'paths' in target ? target.paths : [];
}

/** The same target without paths: the stream already contains only what was requested. */
function withoutPaths(target: RestoreTarget): RestoreTarget {
  return 'paths' in target ? { ...target, paths: [] } : target;
}

async function openDirectory(
  path: string,
  paths: readonly string[],
  note: (line: string) => void,
): Promise<Pick<OpenTarget, 'sink' | 'done'>> {
  const smallTar = await hasBusyboxTar();
  const directory = await targetDirectory(path);
  const sink = tarSink(directory.path, {
    paths,
    shownAs: path,
    onLine: (line) => {
      note(printable(line));
    },
  });
  const abort = async (): Promise<void> => {
    await sink.abort();
    // Everything has come and is good; some members could not be made.
    if (sink.wentThrough) return directory.complete();
    const where = await directory.giveUp();
    if (where !== undefined) note(printable(where));
  };
  const done = async ({ tar }: Losses): Promise<void> => {
    await markDamaged(directory.path, tar?.cut ?? [], note);
    await directory.complete();
  };
  const whole = { ...sink, abort };
  return { sink: smallTar ? withinBusybox(whole, process.getuid?.() === 0) : whole, done };
}
