/**
 * What is known of a host's last archive, told again by the newest archive itself: its sealed manifest has what the lost file in the state
 * directory had, and serves another machine with the same keys as well.
 */
import { ACTIVE_MS, datedAt, type ListedArchive } from '../catalog/archive.js';
import type { Authenticity, Judged } from '../catalog/authenticity.js';
import { readFolded } from '../catalog/folded.js';
import type { SealedManifest } from '../catalog/manifest.js';
import { asFailure, type Failure } from '../errors.js';
import type { Emit } from '../events.js';
import type { KnownArchive } from '../reuse/known-volumes.js';
import type { ObjectStore } from '../store.js';

/** Judges an archive with the keys of this machine. */
export type Authenticate = (store: ObjectStore, archive: Judged) => Promise<Authenticity>;

export interface RecoveryRequest {
  readonly host: string;
  readonly bucket: string;
  readonly prefix: string;
  /** Opened for this alone; closed afterwards. */
  readonly open: () => Promise<ObjectStore>;
  readonly authenticate: Authenticate;
  /** ms since 1970 UTC. */
  readonly now: number;
  readonly emit: Emit;
}

/** Archives that are tried: one that another key sealed says nothing of the one before it. */
const MOST_TRIED = 3;
/** What prevents us from looking prevents nothing else: the run will tell of it if it has to. */
const PASSED_OVER: ReadonlySet<Failure['kind']> = new Set(['denied', 'notFound', 'damaged', 'config']);

/** @returns undefined where no archive can tell; the log says why, if there is any */
export async function recoverKnown(request: RecoveryRequest): Promise<KnownArchive | undefined> {
  const { host, emit } = request;
  const doubts: string[] = [];
  try {
    const known = await newestThatTells(request, doubts);
    if (known !== undefined) {
      const message = `what ${host} #${known.number} has is known again from its sealed manifest`;
      emit({ type: 'notice', message });
      return known;
    }
  } catch (error) {
    const failure = asFailure(error);
    if (!PASSED_OVER.has(failure.kind)) throw failure;
    doubts.push(failure.message);
  }
  const [doubt] = doubts;
  if (doubt !== undefined) {
    const message = `no earlier archive of ${host} tells what it has (${doubt}): this archive sends everything once`;
    emit({ type: 'notice', message });
  }
  return undefined;
}

async function newestThatTells(
  { host, bucket, prefix, open, authenticate, now }: RecoveryRequest,
  doubts: string[],
): Promise<KnownArchive | undefined> {
  const store = await open();
  try {
    const options = { prefix, now: store.serverNow() ?? now, isAlive: () => false, activeMs: ACTIVE_MS };
    const found: ListedArchive[] = [];
    for await (const archive of readFolded(store, options, host))
      if (archive.state === 'finished' && archive.copiedBytes !== undefined) found.push(archive);
    found.sort((a, b) => datedAt(b) - datedAt(a));
    for (const archive of found.slice(0, MOST_TRIED)) {
      const judged = await authenticate(store, archive);
      if (judged.kind === 'proven') {
        const known = knownIn(judged.manifest, bucket);
        if (known !== undefined) return known;
      }
      const why =
        judged.kind === 'damaged'
          ? judged.problem
          : judged.kind === 'unproven'
            ? judged.reason
            : 'no key to open its sealed manifest is here';
      doubts.push(`#${archive.number}: ${why}`);
    }
    return undefined;
  } finally {
    await store.close();
  }
}

/** undefined where it does not tell: nothing here has opened it, or its volumes are not cut by content. */
function knownIn({ reuse, ...manifest }: SealedManifest, bucket: string): KnownArchive | undefined {
  if (reuse?.volumes.length !== manifest.volumes.length) return undefined;
  const { digestKey, keys, shape, targetBytes } = reuse;
  const volumes = manifest.volumes.flatMap(({ fileId, bytes, dataBytes, parts }, index) => {
    const [digest, sentAt] = reuse.volumes[index] ?? [];
    const sha1 = parts[0]?.[1];
    return digest === undefined || sentAt === undefined || sha1 === undefined
      ? []
      : [{ digest, fileId, bytes, sha1, dataBytes, sentAt }];
  });
  const { host, number, run, tar } = manifest;
  return {
    host,
    number,
    bucket,
    run,
    digestKey,
    keys,
    shape,
    targetBytes,
    tarBytes: tar.bytes,
    volumes,
  };
}
