/** The manifest of an archive whose volumes are all finished. Pure. */
import type { DoneLine } from '../backuppc/done-line.js';
import { INFO } from '../catalog/names.js';
import { MANIFEST_FORMAT, type Manifest, type ManifestIndex } from '../catalog/manifest.js';
import { volumeTotals, type JournalState } from '../journal/state.js';

export interface ArchiveFacts {
  readonly program: string;
  readonly host: string;
  readonly number: number;
  readonly share: string;
  readonly extension: string;
  readonly codec: { readonly name: string; readonly level: number | null };
  readonly profile: string;
  /** Whether volumes have a given size, or are cut by content. */
  readonly layout: 'sized' | 'content';
  /** 0 = not split, or cut by content. */
  readonly splitSize: number;
  /** ID of this installation. */
  readonly maker: string;
  /** The mark of this run's settings. */
  readonly settings: string;
}

export interface SourceFacts {
  readonly tarBytes: number;
  readonly done: DoneLine | undefined;
  /** Why the archive is partial; empty when it is whole. */
  readonly reasons: readonly string[];
}

/** @param stored number of volumes, and the member index @throws Error when one of them is not finished: a manifest would be a lie */
export function manifestOf(
  facts: ArchiveFacts,
  source: SourceFacts,
  journal: JournalState,
  stored: { readonly volumes: number; readonly index: ManifestIndex | undefined },
  finishedAt: Date,
): Manifest {
  return {
    format: MANIFEST_FORMAT,
    program: facts.program,
    run: journal.archive.run,
    host: facts.host,
    number: facts.number,
    share: facts.share,
    state: source.reasons.length === 0 ? 'finished' : 'partial',
    reasons: source.reasons,
    startedAt: journal.archive.startedAt,
    finishedAt: finishedAt.toISOString(),
    codec: facts.codec,
    extension: facts.extension,
    profile: facts.profile,
    splitSize: facts.splitSize,
    tar: {
      bytes: source.tarBytes,
      files: source.done?.files ?? null,
      directories: source.done?.directories ?? null,
      errors: source.done?.errors ?? null,
    },
    volumes: Array.from({ length: stored.volumes }, (_, index) => {
      const volume = journal.volumes.get(index);
      if (volume?.finished !== true || volume.fileId === null)
        throw new Error(`volume ${index} is not finished`);
      const { bytes, dataBytes } = volumeTotals(volume);
      return {
        name: volume.name,
        fileId: volume.fileId,
        bytes,
        dataBytes,
        parts: Array.from(volume.parts.values(), ({ bytes, sha1 }) => [bytes, sha1] as const),
      };
    }),
    ...(stored.index === undefined ? {} : { index: stored.index }),
  };
}

/** File info of the manifest, so that listings need not download it. */
export function manifestInfo(manifest: Manifest, settings: string): Record<string, string> {
  return {
    [INFO.state]: manifest.state,
    [INFO.settings]: settings,
    [INFO.bytes]: String(manifest.volumes.reduce((sum, volume) => sum + volume.bytes, 0)),
    [INFO.volumes]: String(manifest.volumes.length),
  };
}
