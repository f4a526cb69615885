/** Restores one archive from B2 into a sink. */
import type { Volume } from '../catalog/archive.js';
import type { PieceToCheck } from '../catalog/check.js';
import type { Format } from '../compression/formats.js';
import { Failure } from '../errors.js';
import { flowOf, type Flow, type RestorePlace } from './flow.js';
import { recognize } from './recognize.js';
import type { ArchiveReader } from './reader.js';
import { sealedCheck } from './sealed-check.js';
import type { Sink } from './sink.js';
import { checkedTar } from './tar-check.js';
import { TarSalvage } from './tar-salvage.js';
import { unpack } from './unpack.js';

export interface RestoreJob {
  readonly reader: ArchiveReader;
  readonly places: readonly RestorePlace[];
  /** SHA-1 of parts, checked before they are opened. */
  readonly pieces: readonly PieceToCheck[];
  /** By fileId, what a manifest says is inside. */
  readonly dataBytes: ReadonlyMap<string, number>;
  /** What the volumes should hold; their first octets decide. `stored`: pass it on as it is. */
  readonly form: Format | 'tar' | 'unknown' | 'stored';
  /** The failure if neither names nor octets identify the format. */
  readonly unknown: () => Failure;
  /** Bytes of the whole tar according to the manifest; undefined without one, or if the tar is not read from its beginning. */
  readonly tarBytes: number | undefined;
  /** Whether it may be something else than a tar: a dump, for example. */
  readonly mayBeOther?: boolean | undefined;
  /** Whether the tar is read from its beginning, so that it can be followed. */
  readonly fromBeginning: boolean;
  /** Continue after gaps. Otherwise the first damage ends the restore. */
  readonly salvage: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onVolume: (volume: Volume, dataBytes: number) => Promise<void>;
  /** Called for everything that is missing, as it is found. One line. */
  readonly onGap: (reason: string) => void;
  /** Called with the total before the sink is finished, which may fail by itself. */
  readonly onLosses: (losses: Losses) => void;
}

export interface Losses {
  readonly gaps: number;
  /** What was salvaged; undefined if nothing had to be, or it is not a tar. */
  readonly tar: TarSalvage | undefined;
}

/**
 * Writes the archive into the sink and finishes it, or aborts it after a failure.
 * @throws Failure `damaged` without `salvage`, before anything of the damaged part is passed on
 */
export async function restoreInto(sink: Sink, job: RestoreJob): Promise<Losses> {
  const losses = new Lost(job);
  try {
    for await (const item of losses.stages())
      if (item.kind === 'bytes') await sink.write(item.bytes);
      else if (item.kind === 'volumeEnd') await job.onVolume(item.volume, item.dataBytes);
    job.onLosses(losses);
    await sink.finish();
  } catch (error) {
    await sink.abort();
    throw error;
  }
  return losses;
}

class Lost implements Losses {
  gaps = 0;
  tar: TarSalvage | undefined;
  readonly #job: RestoreJob;

  constructor(job: RestoreJob) {
    this.#job = job;
  }

  async *stages(): AsyncGenerator<Flow> {
    const { reader, places, pieces, form, tarBytes, mayBeOther = false } = this.#job;
    const { fromBeginning, salvage, signal } = this.#job;
    const onSealed = sealedCheck(pieces, (line) => {
      throw new Failure('damaged', line);
    });
    const packed = this.#ofRightLength(flowOf(reader, places, { signal, onSealed, keepGoing: salvage }));
    if (form === 'stored' || !fromBeginning) {
      yield* this.#noted(packed);
      return;
    }
    const tar = await this.#tarOf(packed, form);
    if (salvage) yield* this.#salvaged(this.#noted(tar));
    else yield* checkedTar(tar, tarBytes, mayBeOther);
  }

  async #tarOf(packed: AsyncIterable<Flow>, form: Format | 'tar' | 'unknown'): Promise<AsyncIterable<Flow>> {
    const { as: found, flow } = await recognize(packed);
    // A compressed dump that was stored as it is: its manifest knows.
    const is = this.#job.mayBeOther === true && form === 'tar' ? form : (found ?? form);
    if (is === 'unknown') {
      await flow.return(undefined);
      throw this.#job.unknown();
    }
    if (is === 'tar') return flow;
    // Ends of volumes do not pass through the decompressor.
    return unpack(this.#volumesNoted(flow), is, { signal: this.#job.signal, keepGoing: this.#job.salvage });
  }

  async *#volumesNoted(flow: AsyncIterable<Flow>): AsyncGenerator<Flow> {
    for await (const item of flow) {
      if (item.kind === 'volumeEnd') await this.#job.onVolume(item.volume, item.dataBytes);
      yield item;
    }
  }

  async *#ofRightLength(flow: AsyncIterable<Flow>): AsyncGenerator<Flow> {
    for await (const item of flow) {
      yield item;
      if (item.kind !== 'volumeEnd' || this.#job.salvage) continue;
      const { volume, dataBytes } = item;
      const expected = this.#job.dataBytes.get(volume.fileId);
      if (expected !== undefined && expected !== dataBytes)
        throw new Failure(
          'damaged',
          `${volume.name}: holds ${dataBytes} bytes, the manifest says ${expected}`,
        );
    }
  }

  async *#noted(flow: AsyncIterable<Flow>): AsyncGenerator<Flow> {
    for await (const item of flow) {
      if (item.kind === 'gap') {
        this.gaps += 1;
        this.#job.onGap(item.reason);
      }
      yield item;
    }
  }

  async *#salvaged(flow: AsyncIterable<Flow>): AsyncGenerator<Flow> {
    const salvage = new TarSalvage();
    this.tar = salvage;
    for await (const item of flow) {
      if (item.kind === 'volumeEnd') yield item;
      else
        for (const bytes of item.kind === 'gap' ? salvage.gap(item.bytes) : salvage.push(item.bytes))
          yield { kind: 'bytes', bytes };
    }
    for (const bytes of salvage.end()) yield { kind: 'bytes', bytes };
  }
}
