/**
 * What is stored under a host and number, passing over manifests that claim to be this installation's and that nothing proves. Anybody who
 * can write to the bucket can put such a manifest there, with file info copied from a genuine one.
 */
import type { Archive } from '../catalog/archive.js';
import type { Authenticity, Judged } from '../catalog/authenticity.js';
import type { AssembleOptions } from '../catalog/assemble.js';
import { inProvenState } from '../catalog/follow-manifest.js';
import { archiveStem, type ArchiveName } from '../catalog/names.js';
import { archiveAmong, withManifestsOf } from '../catalog/read.js';
import { Failure, oneLine } from '../errors.js';
import type { Emit } from '../events.js';
import type { FileVersion, ObjectStore } from '../store.js';

/** Judges stored archives with the keys and records of this machine. */
export interface StoredJudge {
  judge(store: ObjectStore, archive: Judged): Promise<Authenticity>;
  /** Whether this installation stored this very COMPLETE. */
  remembers(fileId: string): Promise<boolean>;
}

/** So many manifests are looked at in vain; then only what this installation remembers counts. */
const MOST_UNPROVEN = 16;

export interface ProvenQuery {
  readonly store: ObjectStore;
  readonly name: Pick<ArchiveName, 'prefix' | 'host' | 'number'>;
  readonly assembling: AssembleOptions;
  readonly judge: StoredJudge;
  /** ID of this installation. Archives of others are not judged: their keys may be others. */
  readonly maker: string;
  readonly emit: Emit;
}

/** @returns in the state that its manifest gives it. @throws Failure, `denied` too */
export async function provenArchive(query: ProvenQuery): Promise<Archive | undefined> {
  return provenAmong(await versionsUnder(query), query);
}

/** All versions under the names of the archive. */
export async function versionsUnder({
  store,
  name,
}: Pick<ProvenQuery, 'store' | 'name'>): Promise<FileVersion[]> {
  const versions: FileVersion[] = [];
  for await (const version of store.listVersions(archiveStem(name))) versions.push(version);
  return versions;
}

/** The same out of a listing. */
export async function provenAmong(
  versions: readonly FileVersion[],
  query: ProvenQuery,
): Promise<Archive | undefined> {
  const { store, name, assembling, maker, emit } = query;
  const { host, number } = name;
  const distrusted = new Set<string>();
  const options = { ...withManifestsOf(store, assembling), distrusted };
  for (;;) {
    const archive = await archiveAmong(versions, { host, number }, options);
    const fileId = archive?.manifest?.fileId;
    if (archive === undefined || fileId === undefined || archive.maker !== maker || distrusted.has(fileId))
      return archive;
    const mayLook = distrusted.size < MOST_UNPROVEN;
    const judged = await judge(query, archive, fileId, mayLook);
    if (judged.kind === 'proven') return judged.archive;
    distrusted.add(fileId);
    if (!mayLook)
      for (const version of versions)
        if (version.fileName === archive.manifest?.name && !(await query.judge.remembers(version.fileId)))
          distrusted.add(version.fileId);
    emit({
      type: 'warning',
      message: oneLine(
        `${host} #${number} has a manifest that looks like this installation's, and is unproven: ${judged.reason}; it is passed over`,
      ),
    });
  }
}

type Judgement =
  | { readonly kind: 'proven'; readonly archive: Archive }
  | { readonly kind: 'unproven'; readonly reason: string };

async function judge(
  { store, judge }: ProvenQuery,
  archive: Archive,
  fileId: string,
  mayLook: boolean,
): Promise<Judgement> {
  // Nobody can change a version that is stored: its file info is ours, too.
  if (await judge.remembers(fileId)) return { kind: 'proven', archive };
  if (!mayLook) return { kind: 'unproven', reason: 'not looked at, because too many others were unproven' };
  try {
    const found = await judge.judge(store, archive);
    if (found.kind === 'proven') return { kind: 'proven', archive: inProvenState(archive, found.manifest) };
    return { kind: 'unproven', reason: found.kind === 'unproven' ? found.reason : found.problem };
  } catch (error) {
    if (!(error instanceof Failure && error.kind === 'denied')) throw error;
    return { kind: 'unproven', reason: `this key may not read it (${error.message})` };
  }
}
