/**
 * One reading of the source: tar → (compress) → pack → seal → store, each stage pulled by the next.
 * The number of buffers bounds everything that is under way.
 */
import { setMaxListeners } from 'node:events';
import type { TarSource } from '../backuppc/source.js';
import { tarEnd, type TarEnd } from '../backuppc/tar-end.js';
import type { SourceEnd } from '../backuppc/completeness.js';
import type { ManifestIndex } from '../catalog/manifest.js';
import { packParts } from '../chunks/packer.js';
import { SizePlan, type VolumeSizes } from '../chunks/size-plan.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import { TarReader } from '../tar/reader.js';
import { CompleteOneStays } from './complete-one.js';
import type { MemberIndex } from './member-index.js';
import { VolumeUpload, type VolumeFate, type VolumeParts } from './volume.js';

export interface PassOptions extends Omit<VolumeParts, 'signal' | 'newSecrets'> {
  readonly source: TarSource;
  /** The (compressed) stream of the source's bytes. */
  readonly compress: Compress;
  /** undefined: the archive gets no member index. */
  readonly openIndex: ((signal: AbortSignal) => MemberIndex) | undefined;
  readonly plan: VolumeSizes;
  readonly fateOf: (volume: number) => VolumeFate;
  /** Called when the source has ended, before anything that depends on its end; rejects to keep the archive unfinished. */
  readonly admit: (end: SourceEnd, tar: TarEnd) => Promise<void>;
  readonly onRead: (bytes: number) => void;
  readonly onPacked: (bytes: number) => void;
  /** Ends the run from outside. */
  readonly stop: AbortSignal;
}

/** @param onRestart as in `CompressOptions` */
export type Compress = (
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  onRestart: (sourceBytes: number, streamBytes: number) => void,
) => AsyncIterable<Uint8Array>;

/** What a reading of the source has stored. */
export interface WholePass {
  readonly volumes: number;
  readonly index: ManifestIndex | undefined;
}

/** Rejects with the first thing that went wrong, after everything under way has come to rest. */
export async function readOnce(options: PassOptions): Promise<WholePass> {
  const { source, buffers, spool, plan, stop } = options;
  const broken = new AbortController();
  // One listener for each upload under way; the buffers bound them, so it is no leak.
  setMaxListeners(0, broken.signal);
  const underWay = new Set<Promise<void>>();

  const fail = (reason: unknown): void => {
    if (broken.signal.aborted) return;
    broken.abort(reason);
    const error = reason instanceof Error ? reason : new Error(String(reason));
    buffers.close(error);
    spool?.buffers.close(error);
    void source.stop();
  };
  const onStop = (): void => {
    fail(stop.reason);
  };
  stop.addEventListener('abort', onStop);
  if (stop.aborted) onStop();

  /** Lets work go on by itself; its failure ends the pass. */
  const launch = (work: Promise<void>): Promise<void> => {
    const guarded = work.catch(fail).finally(() => underWay.delete(guarded));
    underWay.add(guarded);
    return guarded;
  };

  const parts: VolumeParts = { ...options, signal: broken.signal, newSecrets: secretsAhead(options) };
  const reader = new TarReader();
  const index = options.openIndex?.(broken.signal);
  /** How the source ended, once its bytes have. A pass that was broken off ends its source too: what that looks like means nothing. */
  const admit = async (): Promise<void> => {
    broken.signal.throwIfAborted();
    const end = await source.ended();
    broken.signal.throwIfAborted();
    try {
      await options.admit(end, tarEnd(reader));
    } catch (error) {
      // What is broken off may still arrive at B2, after everything of this run was removed. A spool may hold hours of it.
      if (error instanceof CompleteOneStays && spool === undefined) await atRest(underWay);
      fail(error);
    }
    broken.signal.throwIfAborted();
  };

  try {
    const onSlice = async (slice: Uint8Array): Promise<void> => {
      options.onRead(slice.length);
      const members = reader.push(slice);
      await index?.add(members);
    };
    const tar = observed(source.bytes, onSlice, admit);
    const compressed = options.compress(tar, broken.signal, (tarOffset, streamOffset) => {
      index?.point({ tarOffset, volume: undefined, streamOffset });
    });
    const packed = counted(compressed, options.onPacked);
    let volume: VolumeUpload | undefined;
    let ofVolume = new Set<Promise<void>>();
    for await (const filled of packParts(packed, {
      plan: new SizePlan(plan),
      buffers,
      dataOffset: options.engine.layout.dataOffset,
    })) {
      if (volume?.index !== filled.volume) {
        // The volume before has all its parts, and the source went on behind it.
        if (volume !== undefined) void launch(finishAfter(volume, ofVolume, broken.signal));
        volume = new VolumeUpload(filled.volume, options.fateOf(filled.volume), parts);
        ofVolume = new Set();
      }
      const inHand = ofVolume;
      const accepted = launch(volume.accept(filled)).finally(() => inHand.delete(accepted));
      inHand.add(accepted);
    }
    broken.signal.throwIfAborted();
    if (volume === undefined) throw new Error('the packer made no volume');
    void launch(finishAfter(volume, ofVolume, broken.signal));
    const indexed = await index?.finish(reader.outcome, reader.bytes);
    await atRest(underWay);
    broken.signal.throwIfAborted();
    return { volumes: volume.index + 1, index: indexed };
  } catch (error) {
    fail(error);
    await atRest(underWay);
    await index?.abandon();
    // What failed first is the reason; the rest is its consequence.
    throw broken.signal.reason;
  } finally {
    stop.removeEventListener('abort', onStop);
    await source.stop();
  }
}

async function finishAfter(
  volume: VolumeUpload,
  parts: ReadonlySet<Promise<void>>,
  broken: AbortSignal,
): Promise<void> {
  await atRest(parts);
  // A part that failed has ended the pass: nothing may be finished without it.
  if (!broken.aborted) await volume.finish();
}

async function atRest(underWay: ReadonlySet<Promise<void>>): Promise<void> {
  while (underWay.size > 0) await Promise.all(underWay);
}

/** Secrets of the next volume are made while the current one is under way: a passphrase costs a moment of hashing. */
function secretsAhead({ engine, plan }: PassOptions): () => Promise<VolumeSecrets> {
  const make = (): Promise<VolumeSecrets> => {
    const secrets = engine.newVolume();
    secrets.catch(() => undefined);
    return secrets;
  };
  let next: Promise<VolumeSecrets> | undefined;
  return () => {
    const secrets = next ?? make();
    next = plan.splitSize > 0 ? make() : undefined;
    return secrets;
  };
}

/**
 * The end is told to nobody before it is admitted: what a compressor and the packer make of a stream that ends too early must not go on
 * record, or the rerun, which reads on, would find the volume changed and begin it anew.
 */
async function* observed(
  bytes: AsyncIterable<Uint8Array>,
  onSlice: (slice: Uint8Array) => Promise<void>,
  admit: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  for await (const slice of bytes) {
    await onSlice(slice);
    yield slice;
  }
  await admit();
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  onPacked: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const slice of bytes) {
    onPacked(slice.length);
    yield slice;
  }
}
