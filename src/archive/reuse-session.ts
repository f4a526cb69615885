/** What an archive whose volumes are cut by content starts from, and what it saves for the next one. */
import type { CodecChoice } from '../compression/codec-choice.js';
import type { Config } from '../config/schema.js';
import type { Emit } from '../events.js';
import { localFailure } from '../own-files.js';
import type { JournalState } from '../journal/state.js';
import type { ShapingOptions } from '../journal/records.js';
import type { Manifest, ReuseRecord } from '../catalog/manifest.js';
import { dueVolumes } from '../reuse/decision.js';
import {
  knownPath,
  loadKnown,
  saveKnown,
  whyNotReusable,
  withoutForgotten,
  type KnownArchive,
  type KnownVolume,
} from '../reuse/known-volumes.js';
import { largestTarget, neededMemory, planReuse, type ReuseMemoryPlan } from '../reuse/memory.js';
import { chooseTarget, volumesWarning } from '../reuse/volume-size.js';

const DAY_MS = 86_400_000;

export interface ReuseRequest {
  readonly host: string;
  readonly bucket: string;
  readonly stateDirectory: string;
  readonly codec: CodecChoice;
  readonly config: Config;
  readonly memoryBytes: number;
  /** Expected bytes of the tar, from BackupPC's record. */
  readonly expectedBytes: number | undefined;
  /** Of the run that is resumed: its journal's. */
  readonly resumedTarget: number | undefined;
  /** Where the file in the state directory cannot tell. */
  readonly recover: () => Promise<KnownArchive | undefined>;
  readonly emit: Emit;
}

/** What is known of the host, and how its volumes are cut. */
export interface Reuse {
  readonly path: string;
  readonly last: KnownArchive | undefined;
  readonly shape: ShapingOptions;
  readonly targetBytes: number;
  readonly memory: ReuseMemoryPlan;
}

export async function openReuse(request: ReuseRequest): Promise<Reuse> {
  const { host, bucket, codec, config, emit } = request;
  const path = knownPath(request.stateDirectory, { host, bucket });
  const loaded = await loadKnown(path);
  if (loaded.kind === 'unusable') {
    emit({
      type: 'warning',
      message: `${path} cannot be used (${loaded.reason})`,
    });
  }
  const last = loaded.kind === 'known' ? loaded.archive : await request.recover();
  const memory = { memoryBytes: request.memoryBytes, workers: config.workers, codec };
  const mostBytes = largestTarget(memory);
  const resumed = request.resumedTarget;
  const facts = {
    asked: config.reuse_volume,
    last,
    expectedBytes: request.expectedBytes,
    mostBytes,
    neededMemory: (target: number): number => neededMemory(memory, target),
  };
  const targetBytes =
    resumed !== undefined && resumed <= mostBytes && config.reuse_volume === undefined
      ? resumed
      : chooseTarget(facts);
  const warning = config.reuse_volume === undefined ? volumesWarning(targetBytes, facts) : undefined;
  if (warning !== undefined) emit({ type: 'warning', message: warning });
  return {
    path,
    last,
    targetBytes,
    memory: planReuse(memory, targetBytes),
    // Without the level: each volume is a stream of its own, and all levels decompress alike.
    shape: { compression: codec.name, 'OpenPGP profile': config.openpgp_profile, AEAD: config.openpgp_aead },
  };
}

export interface Known {
  /** By digest. */
  readonly volumes: ReadonlyMap<string, KnownVolume>;
  readonly due: ReadonlySet<string>;
}

/**
 * The volumes that may be copied.
 * @param keys fingerprint of this run's passphrases and recipients, under the journal's digest key
 */
export function knownVolumes(
  { last, shape }: Reuse,
  { archive }: JournalState,
  { config, nowMs, emit }: { config: Config; nowMs: number; emit: Emit },
): Known {
  const nothing: Known = { volumes: new Map(), due: new Set() };
  if (last === undefined) return nothing;
  // A resumed run keeps its own key, which may be older than the known volumes.
  const why =
    last.digestKey === archive.digestKey
      ? whyNotReusable(last, { host: archive.host, bucket: archive.bucket, shape, keys: archive.keys })
      : 'it was made under another key';
  if (why !== undefined) {
    emit({
      type: 'notice',
      message: `nothing of ${last.host} #${last.number} can be copied: ${why}; this archive is sent in full`,
    });
    return nothing;
  }
  const due = dueVolumes(last.volumes, nowMs, config.reuse_max_age * DAY_MS);
  return { volumes: new Map(last.volumes.map((volume) => [volume.digest, volume])), due };
}

/** For the sealed manifest: from it, what is known can be told again where the state directory is lost. */
export function reuseRecord({ shape, targetBytes }: Reuse, { archive, volumes }: JournalState): ReuseRecord {
  const { digestKey, keys } = archive;
  const told = [...volumes.values()]
    .sort((a, b) => a.volume - b.volume)
    .map(({ parts, sentAt = 0 }) => [parts.get(0)?.digest ?? '', sentAt] as const);
  return { digestKey, keys, shape, targetBytes, volumes: told };
}

/** Saves what the next archive of this host needs. This archive is complete without it, so a failure is only a warning. */
export async function rememberVolumes(
  { path, last, shape, targetBytes }: Reuse,
  manifest: Manifest,
  state: JournalState,
  emit: Emit,
): Promise<void> {
  const { archive } = state;
  const volumes: KnownVolume[] = [];
  for (const { finished, fileId, sentAt, parts } of state.volumes.values()) {
    const part = parts.get(0);
    if (!finished || fileId === null || sentAt === undefined || part === undefined) continue;
    const { digest, bytes, sha1, dataBytes } = part;
    volumes.push({ digest, fileId, bytes, sha1, dataBytes, sentAt });
  }
  // B2 still has what a partial archive lacks.
  if (manifest.state === 'partial' && last?.digestKey === archive.digestKey) {
    const have = new Set(volumes.map(({ digest }) => digest));
    for (const volume of last.volumes) if (!have.has(volume.digest)) volumes.push(volume);
  }
  const { host, number, bucket, run, digestKey, keys } = archive;
  const tarBytes = manifest.tar.bytes;
  try {
    const usable = withoutForgotten(volumes, last, await loadKnown(path));
    await saveKnown(path, {
      host,
      number,
      bucket,
      run,
      digestKey,
      keys,
      shape,
      targetBytes,
      tarBytes,
      volumes: usable,
    });
  } catch (error) {
    const { message } = localFailure('write', path, error);
    emit({ type: 'warning', message: `${message}; the next archive of ${host} is sent in full` });
  }
}
