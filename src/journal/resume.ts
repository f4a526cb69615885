/**
 * Decides what to keep of an earlier run: journal + B2's lists → for each volume skip, continue or start over, with the reason. Pure.
 *
 * The rules:
 * - Only what the journal and B2 agree on is kept. Where they disagree, the volume starts over with fresh secrets.
 * - A part that B2 holds and the journal does not know was sealed with secrets whose use is not recorded: start over.
 * - Nothing of another run is touched, except what this journal's run started itself.
 */
import { INFO } from '../catalog/names.js';
import type { VolumeSecrets } from '../openpgp/volume-secrets.js';
import type { FileVersion, PartInfo } from '../store.js';
import { differences } from './identity.js';
import type { KeyRing } from './keys.js';
import type { ShapingOptions } from './records.js';
import { hasAllParts, volumeTotals, type JournalState, type VolumeState } from './state.js';

export interface ResumeInput {
  /** undefined when there is no journal, or it was set aside. */
  readonly journal: { readonly state: JournalState; readonly keys: KeyRing } | undefined;
  /** Of this run. */
  readonly options: ShapingOptions;
  /** `keyFingerprint` of this run's keys under the journal's digest key; any value without a journal. */
  readonly keys: string;
  /** All versions under the archive's names: finished ones, unfinished large files (`start`) and the manifest. */
  readonly versions: readonly FileVersion[];
  /** Per fileId of `fileIdsToList`: the parts B2 holds. */
  readonly parts: ReadonlyMap<string, readonly PartInfo[]>;
}

/** A volume that is stored; its plaintext is compared with the source as it goes by. */
export interface SkipVolume {
  readonly kind: 'skip';
  readonly volume: VolumeState;
  readonly fileId: string;
  /** Whether the journal must first record that it is finished. */
  readonly record: boolean;
  /** ms since 1970, by B2's clock. */
  readonly sentAt: number;
  readonly reason: string;
}

/** A volume that continues with the secrets it began with. */
export interface ContinueVolume {
  readonly kind: 'continue';
  readonly volume: VolumeState;
  readonly secrets: VolumeSecrets;
  /** 0-based indexes of the parts that B2 holds exactly as recorded. */
  readonly stored: ReadonlySet<number>;
  readonly reason: string;
}

/** Give up this start of the volume, also in the journal, and begin it with fresh secrets. */
export interface AnewVolume {
  readonly kind: 'anew';
  readonly volume: VolumeState;
  readonly reason: string;
}

export type VolumePlan = SkipVolume | ContinueVolume | AnewVolume;

/** An upload of ours at B2 that is no longer needed. */
export interface AbandonedUpload {
  readonly fileId: string;
  readonly fileName: string;
  readonly reason: string;
}

export type ResumePlan =
  /** The archive is complete and its manifest is stored: only the journal was left. */
  | { readonly kind: 'done'; readonly manifest: FileVersion; readonly reason: string }
  | {
      readonly kind: 'resume';
      readonly volumes: ReadonlyMap<number, VolumePlan>;
      /** Unfinished large files to cancel. */
      readonly cancel: readonly AbandonedUpload[];
      readonly reason: string;
      readonly notes: readonly string[];
    }
  | {
      readonly kind: 'fresh';
      readonly cancel: readonly AbandonedUpload[];
      /** For the new journal's `supersedes`. */
      readonly supersedes: readonly string[];
      readonly reason: string;
      readonly notes: readonly string[];
    };

/** The unfinished large files whose parts the decision needs. */
export function fileIdsToList(state: JournalState): string[] {
  return [...state.volumes.values()].flatMap(({ finished, fileId }) =>
    finished || fileId === null ? [] : [fileId],
  );
}

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? '' : 's'}`;

export function planResume(input: ResumeInput): ResumePlan {
  const { journal, versions } = input;
  const unfinished = versions.filter(({ action }) => action === 'start');
  if (journal === undefined) {
    return {
      kind: 'fresh',
      cancel: [],
      supersedes: [],
      reason: 'no journal of an earlier run',
      notes: foreign(unfinished, undefined),
    };
  }
  const { state } = journal;
  const { run } = state.archive;
  const mine = unfinished.filter((version) => version.fileInfo[INFO.run] === run);
  const notes = foreign(unfinished, run);
  const changed = differences(state.archive.options, input.options);
  if (state.archive.keys !== input.keys) changed.push('the passphrases or recipients are others');

  const manifest = manifestOfRun(state, versions);
  const finished = manifest?.fileInfo[INFO.state] === 'finished';
  if (manifest !== undefined) {
    const why = `run ${run} has stored its manifest`;
    if (finished && changed.length === 0)
      return { kind: 'done', manifest, reason: `${why}: the archive is finished` };
    const reason = finished
      ? `${why}, and this one differs: ${changed.join('; ')}`
      : `${why} as a partial archive`;
    return { kind: 'fresh', cancel: strays(mine, reason), supersedes: [], reason, notes };
  }
  if (changed.length > 0) {
    const reason = changed.join('; ');
    // Under another prefix the listing does not show them, but the journal knows them.
    const listed = new Set(mine.map(({ fileId }) => fileId));
    const running = [...state.volumes.values()].flatMap(({ finished, fileId, name }) =>
      finished || fileId === null || listed.has(fileId) ? [] : [{ fileId, fileName: name, reason }],
    );
    const cancel = [...strays(mine, reason), ...running];
    return { kind: 'fresh', cancel, supersedes: [run, ...state.archive.supersedes], reason, notes };
  }

  const listing = new Listing(versions);
  const volumes = new Map(
    [...state.volumes].map(([index, volume]) => [index, planVolume(volume, input, listing, journal.keys)]),
  );
  const kept = new Set(
    [...volumes.values()].flatMap((plan) => (plan.kind === 'continue' ? [plan.volume.fileId] : [])),
  );
  const cancel = mine
    .filter(({ fileId }) => !kept.has(fileId))
    .map(({ fileId, fileName }): AbandonedUpload => {
      const plan = [...volumes.values()].find(({ volume }) => volume.fileId === fileId);
      return {
        fileId,
        fileName,
        reason: plan?.reason ?? 'the journal does not know it: nothing was sent to it',
      };
    });
  const tally = (kind: VolumePlan['kind']): number =>
    [...volumes.values()].filter((plan) => plan.kind === kind).length;
  const reason =
    `resuming run ${run} of ${state.archive.startedAt}: ` +
    `${count(tally('skip'), 'volume')} stored, ${tally('continue')} to continue, ${tally('anew')} to start over`;
  return { kind: 'resume', volumes, cancel, reason, notes };
}

/** The manifest that a run has stored, if any. */
export function manifestOfRun(
  { archive, manifest }: JournalState,
  versions: readonly FileVersion[],
): FileVersion | undefined {
  return versions.find(
    ({ action, fileInfo, fileId }) =>
      action === 'upload' &&
      ((fileInfo[INFO.run] === archive.run && fileInfo[INFO.state] !== undefined) || fileId === manifest),
  );
}

function strays(versions: readonly FileVersion[], reason: string): AbandonedUpload[] {
  return versions.map(({ fileId, fileName }) => ({ fileId, fileName, reason }));
}

function foreign(unfinished: readonly FileVersion[], run: string | undefined): string[] {
  return unfinished
    .filter((version) => run === undefined || version.fileInfo[INFO.run] !== run)
    .map(({ fileName, fileInfo }) => {
      const owner = fileInfo[INFO.run];
      return `left alone: unfinished ${fileName} of ${owner === undefined ? 'another program' : `run ${owner}`}, which has no journal here`;
    });
}

/** Indexes a listing by file ID and by name: an archive may have tens of thousands of volumes. */
class Listing {
  readonly #uploads = new Map<string, FileVersion>();
  readonly #byName = new Map<string, FileVersion[]>();

  constructor(versions: readonly FileVersion[]) {
    for (const version of versions) {
      if (version.action !== 'upload') continue;
      this.#uploads.set(version.fileId, version);
      const named = this.#byName.get(version.fileName);
      if (named === undefined) this.#byName.set(version.fileName, [version]);
      else named.push(version);
    }
  }

  upload(fileId: string | null): FileVersion | undefined {
    return fileId === null ? undefined : this.#uploads.get(fileId);
  }

  /** Newest first. */
  uploadsNamed(name: string): readonly FileVersion[] {
    return this.#byName.get(name) ?? [];
  }
}

function planVolume(volume: VolumeState, input: ResumeInput, listing: Listing, keys: KeyRing): VolumePlan {
  const anew = (reason: string): AnewVolume => ({ kind: 'anew', volume, reason });
  const skip = (version: FileVersion, record: boolean, reason: string): SkipVolume => ({
    kind: 'skip',
    volume,
    fileId: version.fileId,
    record,
    sentAt: volume.sentAt ?? version.uploadTimestamp,
    reason,
  });

  const ofFileId = listing.upload(volume.fileId);
  if (volume.finished || (!volume.plain && ofFileId !== undefined)) {
    const version = ofFileId;
    if (version === undefined) return anew('it was finished, but is no longer in the bucket');
    if (!hasAllParts(volume))
      return anew('B2 has it finished, but the journal does not know all of its parts');
    const { bytes } = volumeTotals(volume);
    if (version.contentLength !== bytes)
      return anew(`B2 has ${version.contentLength} bytes of it, the journal ${bytes}`);
    return volume.finished
      ? skip(version, false, 'it is finished')
      : skip(version, true, 'B2 had finished it when the run ended');
  }

  if (volume.plain) {
    const part = volume.parts.get(0);
    const version = listing
      .uploadsNamed(volume.name)
      .find(
        ({ contentSha1, fileInfo }) =>
          contentSha1 === part?.sha1 && fileInfo[INFO.run] === input.journal?.state.archive.run,
      );
    if (version !== undefined && hasAllParts(volume))
      return skip(version, true, 'B2 had stored it when the run ended');
  }

  if (volume.keyId === null) return anew('B2 does not have it');
  const secrets = keys.get(volume.keyId);
  if (secrets === undefined) return anew('its session key is no longer at hand');
  if (volume.plain)
    return { kind: 'continue', volume, secrets, stored: new Set(), reason: 'it was not stored yet' };
  return planLargeFile(volume, input, secrets, anew);
}

function planLargeFile(
  volume: VolumeState,
  input: ResumeInput,
  secrets: VolumeSecrets,
  anew: (reason: string) => AnewVolume,
): VolumePlan {
  const { fileId } = volume;
  if (
    fileId === null ||
    !input.versions.some((version) => version.action === 'start' && version.fileId === fileId)
  ) {
    return anew('B2 does not have its unfinished file any more');
  }
  const stored = new Set<number>();
  for (const { partNumber, contentLength, contentSha1 } of input.parts.get(fileId) ?? []) {
    const record = volume.parts.get(partNumber - 1);
    if (record === undefined) return anew(`B2 holds part ${partNumber}, which the journal does not know`);
    if (record.sha1 !== contentSha1 || record.bytes !== contentLength) {
      return anew(`B2 holds part ${partNumber} with another SHA-1 than the journal`);
    }
    stored.add(partNumber - 1);
  }
  const reason = `B2 holds ${stored.size} of ${count(volume.parts.size, 'recorded part')}`;
  return { kind: 'continue', volume, secrets, stored, reason };
}
