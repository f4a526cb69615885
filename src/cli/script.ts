/** `backuppc-b2 script`: writes a restore script that works without this program. */
import { datedAt, type Archive } from '../catalog/archive.js';
import { namesakes } from '../catalog/namesakes.js';
import { mayHoldOther, type Manifest } from '../catalog/manifest.js';
import { memberIndexOf } from '../catalog/member-index-of.js';
import { archiveStem, isContentVolume } from '../catalog/names.js';
import { placesOf, type VolumePlace } from '../catalog/volume-places.js';
import { piecesOf, restoreScript, type ScriptAccess, type ScriptPlan } from '../catalog/restore-script.js';
import { EXIT_STATUS, Failure } from '../errors.js';
import { admit, type Allowances } from './admit.js';
import type { CatalogContext, ExitStatus } from './context.js';
import { packingOf } from './decompress.js';
import { formatTime, printable } from './format.js';
import { locate, type Located } from './archives.js';
import { writeOut } from './write-out.js';

/** B2's limit for a download authorization: 7 days. */
const MAX_EXPIRE_SECONDS = 604_800;

export interface ScriptOptions extends Allowances {
  readonly host: string;
  readonly number: number | undefined;
  readonly unfinalized: boolean;
  /** Accept an archive of the older scripts, known by its names alone. */
  readonly legacy?: boolean | undefined;
  /** false: the script asks for an application key instead of holding a token. */
  readonly token: boolean;
  readonly expireSeconds: number;
  /** undefined: standard output. */
  readonly output: string | undefined;
}

export interface ScriptContext extends CatalogContext {
  /** Name and version, for the script's first lines. */
  readonly program: string;
  /** Base URL of b2_authorize_account. */
  readonly endpoint: string;
}

export async function script(context: ScriptContext, options: ScriptOptions): Promise<ExitStatus> {
  if (
    !Number.isSafeInteger(options.expireSeconds) ||
    options.expireSeconds < 1 ||
    options.expireSeconds > MAX_EXPIRE_SECONDS
  ) {
    throw new Failure(
      'usage',
      `--expire ${options.expireSeconds}: B2 allows 1 to ${MAX_EXPIRE_SECONDS} seconds (7 days)`,
      {
        hint: '--no-token makes a script that does not expire and asks for an application key',
      },
    );
  }
  const located = await locate(context, options);
  const plan = await scriptPlan(context, located, options);
  const text = restoreScript(plan);
  if (options.output === undefined || options.output === '-') context.out.write(text);
  // Its token opens the (encrypted) archive, so others must not read it at any time.
  else await writeOut(options.output, text, 0o700);
  const { archive, bucket } = located;
  if (options.token) {
    for (const host of await namesakes(bucket.store, archive)) {
      context.out.note(
        `warning: the token in this script also opens the archives of ${printable(host)}, whose names begin in the same way; --no-token makes a script without one`,
      );
    }
  }
  context.out.note(
    `restore script for ${archive.host} #${archive.number}, stored ${formatTime(datedAt(archive))}` +
      (options.token
        ? `, good for ${Math.floor(options.expireSeconds / 3600)} h ${Math.floor((options.expireSeconds % 3600) / 60)} min`
        : ''),
  );
  if (plan.problems.length === 0) return EXIT_STATUS.ok;
  context.out.note(`warning: the archive is not complete: ${printable(plan.problems.join('; '))}`);
  return EXIT_STATUS.partial;
}

async function scriptPlan(
  context: ScriptContext,
  located: Located,
  options: ScriptOptions,
): Promise<ScriptPlan> {
  const { archive, bucket, manifest, doubts } = await admit(context, located, {
    ...options,
    giveAll: options.unfinalized,
  });
  if (archive.volumes.length === 0) {
    throw new Failure(
      'notFound',
      `${archive.host} #${archive.number} has no volume that is complete: nothing to restore`,
    );
  }
  if (archive.profile === 'rfc9580') {
    throw new Failure(
      'usage',
      `${archive.host} #${archive.number} is stored in profile rfc9580, which gpg does not read`,
      {
        hint: "use 'backuppc-b2 restore'",
      },
    );
  }
  const packing = packingOf({ ...archive, codec: archive.codec ?? manifest?.codec.name });
  const madeAt = context.clock.now();
  let access: ScriptAccess = { kind: 'key', authorizeUrl: context.endpoint };
  if (options.token) {
    refuseShadowed(archive);
    // B2 authorizes by name prefix. Every name of this archive begins with `HOST.N.tar`. `web.1.tar` is no prefix of `web.10.tar`, as
    // `web.1` would be; of what it is one, `script` warns.
    const { token, baseUrl } = await bucket.store.downloadAuthorization(
      archiveStem(archive),
      options.expireSeconds,
    );
    if (context.endpoint.startsWith('https:') && !baseUrl.startsWith('https:'))
      throw new Failure('unavailable', `B2 returned a download URL without https: ${printable(baseUrl)}`);
    access = { kind: 'token', token, baseUrl, expiresAt: Math.floor(madeAt / 1000) + options.expireSeconds };
  }
  const places = placesOf(archive, manifest);
  return {
    host: archive.host,
    number: archive.number,
    program: context.program,
    madeAt,
    storedAt: datedAt(archive),
    problems: doubts,
    access,
    decompress: packing.kind === 'packed' ? packing.format.decompress : undefined,
    packedBy: packing.kind === 'unknown' ? packing.by : undefined,
    tarBytes: archive.state === 'finished' && packing.kind !== 'unknown' ? manifest?.tar.bytes : undefined,
    mayBeOther: manifest !== undefined && mayHoldOther(manifest),
    gpgVersion: archive.profile === 'librepgp' ? [2, 2, 21] : [2, 1, 0],
    volumes: places.map(volumeInScript),
    index: indexInScript(archive, manifest),
    ownStreams: places.every(({ name }) => isContentVolume(name)),
  };
}

function volumeInScript({ name, expected, volume }: VolumePlace): ScriptPlan['volumes'][number] {
  const dataBytes = expected?.dataBytes;
  if (volume === undefined)
    return { name, fileId: '', encrypted: false, dataBytes, missing: true, pieces: [] };
  const { fileId, encrypted, bytes, sha1 } = volume;
  return { name, fileId, encrypted, dataBytes, pieces: piecesOf(bytes, expected?.parts, sha1) };
}

function indexInScript(archive: Archive, manifest: Manifest | undefined): ScriptPlan['index'] {
  const volume = memberIndexOf(archive, manifest);
  if (volume === undefined) return undefined;
  return volumeInScript({ name: volume.name, expected: manifest?.index, volume });
}

/** A download by name gives the newest version: not ours, where a later run has begun to overwrite. */
function refuseShadowed(archive: Archive): void {
  const hidden = archive.volumes.find((volume) => volume.hidden);
  if (hidden !== undefined) {
    throw new Failure('partial', `${hidden.name} is hidden; a token would find nothing under its name`, {
      hint: 'unhide it, or use --no-token, which fetches by file id',
    });
  }
  const shadowed = archive.volumes.find((volume) => volume.shadowed);
  if (shadowed === undefined) return;
  throw new Failure(
    'partial',
    `${shadowed.name} has a newer version, of a run that is not finished; a token would fetch that one`,
    {
      hint: "finish that run, or remove it with 'cleanup', or use --no-token, which fetches by file id",
    },
  );
}
