/** The last objects of an archive: the sealed manifest, a signature where there are recipients, and at the very end COMPLETE. */
import { createHash } from 'node:crypto';
import type { HashedObject, Manifest, PlainManifest } from '../catalog/manifest.js';
import { manifestName, sealedManifestName, signatureName, type ArchiveName } from '../catalog/names.js';
import type { ObjectBody, ObjectMeta, ObjectStore } from '../store.js';
import { manifestInfo } from './manifest-of.js';

export interface ManifestTools {
  readonly store: Pick<ObjectStore, 'put'>;
  readonly sealMessage: (data: Uint8Array) => Promise<ObjectBody>;
  /** Makes a detached signature. undefined if only passphrases open the archive: then nobody else can have sealed the manifest. */
  readonly sign: ((data: Uint8Array) => Promise<Uint8Array>) | undefined;
  readonly metaOf: (
    fileName: string,
    contentType: string,
    info: Readonly<Record<string, string>>,
  ) => ObjectMeta;
  /** The mark of this run's settings. */
  readonly settings: string;
  readonly signal: AbortSignal;
}

export interface StoredManifest {
  readonly complete: HashedObject;
  /** Of all objects stored here, COMPLETE included. */
  readonly fileIds: readonly string[];
}

/** Until COMPLETE is stored the archive is unfinished: a run that is killed here is resumed like any other. */
export async function storeManifest(
  manifest: Manifest,
  name: ArchiveName,
  { store, sealMessage, sign, metaOf, settings, signal }: ManifestTools,
): Promise<StoredManifest> {
  const put = async (
    fileName: string,
    contentType: string,
    body: ObjectBody,
    info: Readonly<Record<string, string>> = {},
  ): Promise<HashedObject> => {
    const { fileId } = await store.put(metaOf(fileName, contentType, info), body, signal);
    const sha256 = createHash('sha256').update(body.bytes).digest('hex');
    return { name: fileName, fileId, bytes: body.bytes.length, sha256 };
  };

  const json = Buffer.from(JSON.stringify(manifest));
  const sealed = await put(sealedManifestName(name), 'application/pgp-encrypted', await sealMessage(json));
  const plain: PlainManifest = { ...manifest, sealed };
  const bytes = Buffer.from(`${JSON.stringify(plain, undefined, 1)}\n`);
  const signature =
    sign && (await put(signatureName(name), 'application/pgp-signature', bodyOf(await sign(bytes))));
  const complete = await put(
    manifestName(name),
    'application/json',
    bodyOf(bytes),
    manifestInfo(manifest, settings),
  );
  const fileIds = [sealed, ...(signature === undefined ? [] : [signature]), complete].map(
    ({ fileId }) => fileId,
  );
  return { complete, fileIds };
}

function bodyOf(bytes: Uint8Array): ObjectBody {
  return { bytes, sha1: createHash('sha1').update(bytes).digest('hex') };
}
