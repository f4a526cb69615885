/**
 * One reading of the source: tar → its layout's volumes → store, each stage pulled by the next.
 * Memory bounds everything that is under way.
 */
import { setMaxListeners } from 'node:events';
import type { TarSource } from '../backuppc/source.js';
import { tarEnd, type TarEnd } from '../backuppc/tar-end.js';
import type { SourceEnd } from '../backuppc/completeness.js';
import type { ManifestIndex } from '../catalog/manifest.js';
import { TarWatch } from '../tar/watch.js';
import type { RunCounters } from './counters.js';
import type { CompleteKept, Interruption } from './interruption.js';
import type { Layout, VolumeUnderWay } from './layout.js';
import type { MemberIndex } from './member-index.js';

export interface ReadingOptions {
  readonly source: TarSource;
  readonly layout: (signal: AbortSignal) => Layout;
  /** undefined: the archive gets no member index. */
  readonly openIndex: ((signal: AbortSignal) => MemberIndex) | undefined;
  /** Called when the source has ended, before anything that depends on its end. @throws to keep the archive unfinished */
  readonly admit: (end: SourceEnd, tar: TarEnd) => Promise<CompleteKept | undefined>;
  /** Whether work under way will finish soon: not so with a spool, which may hold hours of it. */
  readonly soonAtRest: boolean;
  readonly counters: RunCounters;
  /** Ends the run from outside. */
  readonly stop: AbortSignal;
}

/** What a reading of the source has stored. */
export interface WholeReading {
  readonly kind: 'whole';
  readonly volumes: number;
  readonly index: ManifestIndex | undefined;
}

export type ReadingEnd = WholeReading | Interruption;

/** Unwinds an aborted reading; the reason is kept separately. */
class BrokenOff extends Error {}

/** Rejects with the first thing that went wrong. Nothing is under way any more when it settles. */
export async function readOnce(options: ReadingOptions): Promise<ReadingEnd> {
  const { source, counters, stop } = options;
  const broken = new AbortController();
  // One listener per upload under way. Memory bounds their number, so this is not a leak.
  setMaxListeners(0, broken.signal);
  const layout = options.layout(broken.signal);
  const underWay = new Set<Promise<void>>();
  let interruption: Interruption | undefined;

  const fail = (reason: unknown): void => {
    if (broken.signal.aborted) return;
    broken.abort(reason);
    layout.breakOff(reason instanceof Error ? reason : new Error(String(reason)));
    void source.stop();
  };
  const interrupt = (by: Interruption | undefined): void => {
    if (by === undefined || broken.signal.aborted) return;
    interruption = by;
    fail(new BrokenOff(by.kind));
  };
  const onStop = (): void => {
    fail(stop.reason);
  };
  stop.addEventListener('abort', onStop);
  if (stop.aborted) onStop();

  /** Runs work in the background; its failure ends the reading. */
  const launch = (work: Promise<Interruption | undefined>): Promise<void> => {
    const guarded = work.then(interrupt, fail).finally(() => underWay.delete(guarded));
    underWay.add(guarded);
    return guarded;
  };

  const watch = new TarWatch();
  const index = options.openIndex?.(broken.signal);
  /** How the source ended. An aborted reading ends its source too, so then this means nothing. */
  const admit = async (): Promise<void> => {
    broken.signal.throwIfAborted();
    const end = await source.ended();
    broken.signal.throwIfAborted();
    try {
      const refused = await options.admit(end, tarEnd(watch.reader));
      // An aborted upload may still arrive at B2 after everything of this run was removed.
      if (refused !== undefined && options.soonAtRest) await atRest(underWay);
      interrupt(refused);
    } catch (error) {
      fail(error);
    }
    broken.signal.throwIfAborted();
  };

  try {
    const bytes = observed(source.bytes, watch, counters, admit);
    let volume: VolumeUnderWay | undefined;
    let ofVolume = new Set<Promise<void>>();
    for await (const filled of layout.pack({ bytes, watch, index })) {
      if (volume?.index !== filled.volume) {
        // The previous volume has all its parts, and the source continued after it.
        if (volume !== undefined) void launch(finishAfter(volume, ofVolume, broken.signal));
        volume = layout.begin(filled.volume);
        ofVolume = new Set();
      }
      const inHand = ofVolume;
      const accepted = launch(volume.accept(filled)).finally(() => inHand.delete(accepted));
      inHand.add(accepted);
    }
    broken.signal.throwIfAborted();
    if (volume === undefined) throw new Error('the packer made no volume');
    void launch(finishAfter(volume, ofVolume, broken.signal));
    const indexed = await index?.finish(watch.reader.outcome, watch.reader.bytes);
    await atRest(underWay);
    broken.signal.throwIfAborted();
    return { kind: 'whole', volumes: volume.index + 1, index: indexed };
  } catch (error) {
    fail(error);
    await atRest(underWay);
    await index?.abandon();
    if (interruption !== undefined) return interruption;
    // The first failure is the reason; the others follow from it.
    throw broken.signal.reason;
  } finally {
    stop.removeEventListener('abort', onStop);
    layout.close();
    await source.stop();
  }
}

async function finishAfter(
  volume: VolumeUnderWay,
  parts: ReadonlySet<Promise<void>>,
  broken: AbortSignal,
): Promise<Interruption | undefined> {
  await atRest(parts);
  // A failed part has ended the reading: the volume must not be finished without it.
  return broken.aborted ? undefined : volume.finish();
}

async function atRest(underWay: ReadonlySet<Promise<void>>): Promise<void> {
  while (underWay.size > 0) await Promise.all(underWay);
}

/**
 * The end of the stream is passed on only once it is admitted. What the compressor and the packer make of a stream that ends too early must
 * not be recorded: a rerun would read further, find the volume changed and start it over.
 */
async function* observed(
  bytes: AsyncIterable<Uint8Array>,
  watch: TarWatch,
  counters: RunCounters,
  admit: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const slice of bytes) {
    watch.push(slice);
    counters.read += slice.length;
    yield slice;
  }
  await admit();
}
