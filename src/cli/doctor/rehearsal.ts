/** The doctor's rehearsal: 1 MB goes to B2 and comes back, the way an archive does, under a scratch name. */
import { createHash, randomBytes } from 'node:crypto';
import { INFO, INFO_FORMAT } from '../../catalog/names.js';
import { Failure } from '../../errors.js';
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
  /** Readers that must be able to open it, by name: our own, and gpg if it is installed. */
  readonly openers: readonly (readonly [name: string, open: OpenVolume])[];
}

export interface Rehearsed {
  /** What was done, one line. */
  readonly detail: string;
  /** B2's time of the upload, ms since 1970 UTC: its clock beside ours. */
  readonly storedAt: number;
}

/** @throws Failure of the step that does not work */
export async function rehearse(rehearsal: Rehearsal): Promise<Rehearsed> {
  const { store, sealer, prefix, openers } = rehearsal;
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
    for (const [name, open] of openers) {
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
  const readers = openers.map(([name]) => name).join(' and ');
  return {
    detail: `${bytes} bytes sealed, stored, fetched, and read by ${readers}`,
    storedAt: version.uploadTimestamp,
  };
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
