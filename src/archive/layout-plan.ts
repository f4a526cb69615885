/** The plan of a run: which of the two layouts, with how much memory, and how its volumes are made. */
import type { Manifest, ReuseRecord } from '../catalog/manifest.js';
import { planBudget } from '../memory/budget.js';
import type { CodecChoice } from '../compression/codec-choice.js';
import { compressStream } from '../compression/compress-stream.js';
import type { Config } from '../config/schema.js';
import type { Emit } from '../events.js';
import type { ShapingOptions } from '../journal/records.js';
import type { JournalState } from '../journal/state.js';
import { DEFAULT_AEAD_CHUNK_BYTES } from '../openpgp/layout.js';
import { longestVolumeBytes } from '../reuse/content-plan.js';
import { MOST_UPLOADS } from '../reuse/memory.js';
import { pieceSizes } from '../reuse/volume-size.js';
import { ContentLayout } from './content-layout.js';
import type { VolumeFate } from './large-volume.js';
import type { Layout } from './layout.js';
import type { ObjectMetas } from './object-meta.js';
import { ReuseReport } from './reuse-report.js';
import { knownVolumes, openReuse, rememberVolumes, reuseRecord, type ReuseRequest } from './reuse-session.js';
import type { RunTools } from './run.js';
import { SizedLayout } from './sized-layout.js';

export interface LayoutPlan {
  readonly kind: 'sized' | 'content';
  /** Bytes per volume; 0 where they are not split, or cut by content. */
  readonly splitSize: number;
  /** Of plaintext in one part, for the seal. */
  readonly partBytes: number;
  /** Uploads that may be under way at once. */
  readonly maxConnections: number;
  /** Options that shape the stored bytes and that only this layout has. */
  readonly shaping: ShapingOptions;
  /** Digest key for a new journal, hex, if volumes are recognised across archives. */
  readonly digestKey: string | undefined;
  /** For one reading of the source. */
  layout(
    this: void,
    tools: RunTools,
    metas: ObjectMetas,
    fates: ReadonlyMap<number, VolumeFate>,
    signal: AbortSignal,
  ): Layout;
  /** What the sealed manifest says for the next archive. */
  reuse(this: void, state: JournalState): ReuseRecord | undefined;
  /** Called once the archive is stored: saves what the next one needs, and tells the operator what matters. */
  finished(this: void, manifest: Manifest, state: JournalState, emit: Emit): Promise<void>;
}

export interface SizedRequest {
  readonly splitSize: number;
  readonly codec: CodecChoice;
  readonly config: Config;
  readonly memoryBytes: number;
  /** Of the run that is resumed: its journal's. */
  readonly resumedPartBytes: number | undefined;
}

/** @throws Failure `config` when the memory budget is too small for what is asked */
export function planSized({
  splitSize,
  codec,
  config,
  memoryBytes,
  resumedPartBytes,
}: SizedRequest): LayoutPlan {
  const { workers, connections } = config;
  // A run that is resumed keeps its part size, as long as nobody asks for another.
  const partBytes = config.part_size ?? resumedPartBytes;
  const budget = planBudget(codec, {
    memoryBytes,
    isSet: config.memory !== undefined,
    workers,
    connections,
    partBytes,
  });
  const fresh: VolumeFate = { kind: 'fresh' };
  return {
    kind: 'sized',
    splitSize,
    partBytes: budget.partBytes,
    maxConnections: budget.maxConnections,
    shaping: { 'part size': budget.partBytes, 'split size': splitSize },
    digestKey: undefined,
    layout: (tools, metas, fates, signal) =>
      new SizedLayout(
        {
          ...tools,
          signal,
          compress: (tar, ends, onRestart) =>
            compressStream(tar, codec, {
              ...budget.compression,
              compressor: tools.sealer.pool,
              signal: ends,
              onRestart,
            }),
        },
        {
          splitSize,
          partBuffers: budget.partBuffers,
          fateOf: (volume) => fates.get(volume) ?? fresh,
          metaOf: metas.volume,
        },
      ),
    reuse: () => undefined,
    finished: () => Promise.resolve(),
  };
}

/** @throws Failure `config` when the memory budget is too small for what is asked */
export async function planContent(request: ReuseRequest): Promise<LayoutPlan> {
  const { codec, config, emit } = request;
  const reuse = await openReuse(request);
  if (config.spool !== undefined)
    emit({ type: 'warning', message: 'with reuse, volumes wait in memory: the spool is not used' });
  const { targetBytes } = reuse;
  const unit = DEFAULT_AEAD_CHUNK_BYTES;
  const longest = longestVolumeBytes(pieceSizes(targetBytes));
  const report = new ReuseReport();
  return {
    kind: 'content',
    splitSize: 0,
    // Incompressible data grows a little.
    partBytes: (Math.ceil(longest / unit) + 1) * unit,
    maxConnections: Math.max(2, Math.min(MOST_UPLOADS, Math.floor(reuse.memory.volumeBytes / targetBytes))),
    shaping: { volumes: 'cut by content', 'size of volumes': targetBytes },
    digestKey: reuse.last?.digestKey,
    layout: (tools, metas, _fates, signal) => {
      const { state } = tools.journal;
      const nowMs = tools.store.serverNow() ?? tools.clock.now();
      const known = knownVolumes(reuse, state, { config, nowMs, emit });
      return new ContentLayout(
        { ...tools, report, signal },
        {
          targetBytes,
          memory: reuse.memory,
          codec,
          known: known.volumes,
          due: known.due,
          metaOf: metas.volume,
        },
      );
    },
    reuse: (state) => reuseRecord(reuse, state),
    finished: async (manifest, state) => {
      for (const message of report.notices) emit({ type: 'notice', message });
      for (const message of report.problems) emit({ type: 'warning', message });
      await rememberVolumes(reuse, manifest, state, emit);
    },
  };
}
