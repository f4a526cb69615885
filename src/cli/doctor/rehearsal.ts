/** The doctor's rehearsal: 1 MB goes to B2 and comes back, the way an archive does, under a scratch name. */
import { createHash, randomBytes } from 'node:crypto';
import { INFO, INFO_FORMAT } from '../../catalog/names.js';
import { Failure } from '../../errors.js';
import { AES256 } from '../../openpgp/profile.js';
import { openMessage } from '../../openpgp/reader.js';
import type { SessionKey } from '../../openpgp/skesk.js';
import type { VolumeSecrets } from '../../openpgp/volume-secrets.js';
import type { Sealer } from '../../sealing/ports.js';
import type { FileVersion, ObjectStore } from '../../store.js';
import type { OpenVolume } from '../../restore/stream-reader.js';

const REHEARSAL_BYTES = 1_000_000;

export interface Rehearsal {
  readonly store: ObjectStore;
  readonly sealer: Sealer;
  readonly prefix: string;
  /** Ends every call to `store`, and with it the rehearsal. */
  readonly signal: AbortSignal;
  /** Opens the bucket again, to remove what was stored after `signal` was aborted. */
  readonly openForRemoval: () => Promise<ObjectStore>;
  /**
   * Readers that must be able to open it, by name: our own, and gpg if it is installed. None if the keys that open it are elsewhere, as they
   * should be with recipients alone: then the session key is used.
   */
  readonly openers: readonly (readonly [name: string, open: OpenVolume])[];
  /** Their public keys, to be counted. */
  readonly recipients: number;
}

export interface Rehearsed {
  /** What was done, one line. */
  readonly detail: string;
  /** B2's time of the upload, ms since 1970 UTC: its clock beside ours. */
  readonly storedAt: number;
}

/** @throws Failure of the step that does not work */
export async function rehearse(rehearsal: Rehearsal): Promise<Rehearsed> {
  const { store, sealer, prefix, openers, recipients } = rehearsal;
  const bytes = Math.min(REHEARSAL_BYTES, sealer.layout.dataBytes(0));
  const data = randomBytes(bytes);
  const secrets = await sealer.newVolume();
  const buffer = new ArrayBuffer(sealer.layout.bufferBytes);
  new Uint8Array(buffer).set(data, sealer.layout.dataOffset);
  const digestKey = randomBytes(32);
  const sealed = await sealer.seal({
    secrets,
    volume: 0,
    part: 0,
    last: true,
    buffer,
    dataBytes: bytes,
    digestKey,
  });
  const fileName = `${prefix}backuppc-b2-rehearsal-${randomBytes(4).toString('hex')}.0.tar.gpg`;
  const fileInfo = {
    [INFO.format]: INFO_FORMAT,
    [INFO.host]: fileName.slice(prefix.length, -'.0.tar.gpg'.length),
    [INFO.number]: '0',
    [INFO.run]: 'rehearsal',
    [INFO.volume]: '0',
  };
  const body = { bytes: new Uint8Array(sealed.buffer, sealed.offset, sealed.bytes), sha1: sealed.sha1 };
  const meta = { fileName, contentType: 'application/octet-stream', fileInfo };
  const expected = createHash('sha256').update(data).digest('hex');
  let version: FileVersion | undefined;
  try {
    version = await store.put(meta, body);
    const { fileId } = version;
    for (const [name, open] of openers.length > 0 ? openers : [withSessionKey(secrets)]) {
      const hash = createHash('sha256');
      const stored = store.download(fileId, { from: 0, to: sealed.bytes });
      for await (const chunk of open(stored)) hash.update(chunk);
      if (hash.digest('hex') !== expected)
        throw new Failure('damaged', `${name} read something else than was written`);
    }
  } finally {
    // If the key may not delete, `cleanup` with another key finds it by its file info.
    await remove(rehearsal, fileName, version?.fileId).catch(() => undefined);
  }
  return { detail: detailOf(bytes, openers, recipients), storedAt: version.uploadTimestamp };
}

function detailOf(bytes: number, openers: Rehearsal['openers'], recipients: number): string {
  if (openers.length > 0)
    return `${bytes} bytes sealed, stored, fetched, and read by ${openers.map(([name]) => name).join(' and ')}`;
  const keys = recipients === 1 ? 'the recipient' : `${recipients} recipients`;
  return `${bytes} bytes sealed for ${keys}, stored, fetched, and read by their session key; that the secret key opens archives shows where it is: backuppc-b2 verify --deep --secret-key-file FILE`;
}

/** As somebody would read it whom a recipient has told the session key. */
function withSessionKey({ sessionKey: key }: VolumeSecrets): readonly [name: string, open: OpenVolume] {
  const openPkesk = (): Promise<SessionKey> => Promise.resolve({ cipher: AES256, key });
  return ['its session key', (sealed) => openMessage(sealed, { passwords: [], openPkesk })];
}

/** What ended the rehearsal would end this as well: then it goes over a store of its own. */
async function remove(
  { store, signal, openForRemoval }: Rehearsal,
  fileName: string,
  known: string | undefined,
): Promise<void> {
  const open = signal.aborted ? await openForRemoval() : store;
  try {
    if (known !== undefined) await open.deleteVersion(fileName, known);
    // One whose answer was lost. Nothing else has this name.
    for await (const { fileId } of open.listVersions(fileName)) await open.deleteVersion(fileName, fileId);
  } finally {
    if (open !== store) await open.close();
  }
}
