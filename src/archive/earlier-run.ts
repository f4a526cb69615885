/** Joins a journal that an earlier run left with what the store has, or begins a new one. */
import { createHmac, randomBytes } from 'node:crypto';
import { volumeName, type ArchiveName } from '../catalog/names.js';
import type { Secret } from '../config/secret.js';
import type { Emit } from '../events.js';
import { Journal, type JournalPaths, type LoadedJournal } from '../journal/journal.js';
import { JOURNAL_FORMAT, type ShapingOptions } from '../journal/records.js';
import { cannotResume, resumeVolume, type SeenVolume } from '../journal/resume.js';
import type { VolumeState } from '../journal/state.js';
import type { KeyFile } from '../openpgp/recipients.js';
import type { FileVersion, ObjectStore } from '../storage/store.js';
import { giveUpVolume } from './give-up.js';
import type { VolumeFate } from './volume.js';

export interface ThisRun {
  readonly paths: JournalPaths;
  readonly earlier: LoadedJournal | undefined;
  readonly host: string;
  readonly number: number;
  readonly bucket: string;
  readonly name: ArchiveName;
  readonly options: ShapingOptions;
  readonly passphrases: readonly Secret[];
  readonly recipients: readonly KeyFile[];
  readonly startedAt: Date;
  readonly store: ObjectStore;
  readonly emit: Emit;
  /** A failpoint for tests: see `JournalOptions`. */
  readonly onDurable?: ((records: number) => void) | undefined;
}

export interface JoinedJournal {
  readonly journal: Journal;
  readonly fates: ReadonlyMap<number, VolumeFate>;
}

export async function joinEarlierRun(run: ThisRun): Promise<JoinedJournal> {
  const { earlier, emit } = run;
  if (earlier === undefined) return { journal: await beginJournal(run, []), fates: new Map() };
  const { archive } = earlier.state;
  const sameKeys = keyFingerprint(archive.digestKey, run) === archive.keys;
  const obstacle = earlier.state.manifest !== undefined ? 'it was finished' : cannotResume(archive.options, run.options, sameKeys);
  const journal = await Journal.resume(run.paths, earlier, { onDurable: run.onDurable });
  if (obstacle !== undefined) {
    if (earlier.state.manifest === undefined) {
      emit({ type: 'notice', message: `an earlier run of ${archive.startedAt} cannot be resumed: ${obstacle}; beginning anew` });
      for (const volume of [...journal.state.volumes.values()]) {
        if (!volume.finished) await giveUpVolume(run.store, journal, volume, obstacle, emit);
      }
    }
    await journal.close();
    return { journal: await beginJournal(run, [...archive.supersedes, archive.run]), fates: new Map() };
  }
  emit({ type: 'notice', message: `resuming the run of ${archive.startedAt}` });
  return { journal, fates: await decideFates(run, journal, earlier) };
}

async function decideFates(run: ThisRun, journal: Journal, earlier: LoadedJournal): Promise<Map<number, VolumeFate>> {
  const { store, emit } = run;
  const fates = new Map<number, VolumeFate>();
  const volumes = [...journal.state.volumes.values()];
  if (volumes.length === 0) return fates;
  // One listing for all volumes: the common beginning of their names.
  const versions: FileVersion[] = [];
  for await (const version of store.listVersions(volumeName(run.name, 0, false).replace(/\.gpg$/, ''))) versions.push(version);
  for (const volume of volumes) {
    const secrets = earlier.keys.get(volume.keyId);
    const decision = resumeVolume(volume, await look(store, volume, versions), secrets !== undefined);
    emit({ type: 'detail', message: `volume ${volume.volume + 1}: ${decision.kind}: ${decision.reason}` });
    switch (decision.kind) {
      case 'skip':
        fates.set(volume.volume, { kind: 'skip' });
        break;
      case 'adopt':
        await journal.finishVolume(volume.volume, decision.fileId);
        fates.set(volume.volume, { kind: 'skip' });
        break;
      case 'continue':
        if (secrets !== undefined) fates.set(volume.volume, { kind: 'continue', secrets, held: decision.held });
        break;
      case 'anew':
        await giveUpVolume(store, journal, volume, decision.reason, emit);
        break;
    }
  }
  return fates;
}

async function look(store: ObjectStore, volume: VolumeState, versions: readonly FileVersion[]): Promise<SeenVolume> {
  // The answer to a plain file may have been lost with its fileId: then its name and SHA-1 tell.
  const sha1 = volume.parts.get(0)?.sha1;
  const seen = versions.find(({ fileName, fileId, action, contentSha1 }) =>
    volume.fileId === null ? fileName === volume.name && action === 'upload' && contentSha1 === sha1 : fileId === volume.fileId,
  );
  if (seen?.action !== 'start') return { finished: seen?.action === 'upload' ? seen : undefined, parts: undefined };
  const parts = new Map<number, { contentLength: number; contentSha1: string }>();
  for await (const part of store.listParts(seen.fileId)) parts.set(part.partNumber, part);
  return { finished: undefined, parts };
}

function beginJournal(run: ThisRun, supersedes: readonly string[]): Promise<Journal> {
  const digestKey = randomBytes(32).toString('hex');
  return Journal.begin(
    run.paths,
    {
      type: 'archive',
      format: JOURNAL_FORMAT,
      run: randomBytes(8).toString('hex'),
      host: run.host,
      number: run.number,
      bucket: run.bucket,
      startedAt: run.startedAt.toISOString(),
      options: run.options,
      keys: keyFingerprint(digestKey, run),
      digestKey,
      supersedes,
    },
    { onDurable: run.onDurable },
  );
}

/** Tells whether the same passphrases and recipients open the archive, and nothing about them to whoever lacks the salt. */
function keyFingerprint(saltHex: string, { passphrases, recipients }: ThisRun): string {
  const hmac = createHmac('sha256', Buffer.from(saltHex, 'hex'));
  const add = (word: string, octets: Uint8Array): void => {
    hmac.update(`${word} ${octets.length}\n`).update(octets);
  };
  for (const passphrase of passphrases) add('passphrase', Buffer.from(passphrase.reveal()));
  for (const { contents } of recipients) add('recipient', contents);
  return hmac.digest('hex');
}
