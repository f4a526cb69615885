/** The port to object storage, on Backblaze B2. */
import type { Clock } from '../clock.js';
import { Failure } from '../errors.js';
import type { Retrying } from '../storage/retrying.js';
import type { FileVersion, ObjectBody, ObjectMeta, ObjectStore, PartInfo, StoreCounters, StoreLimits } from '../storage/store.js';
import type { Account } from './account.js';
import type { Bucket } from './bucket.js';
import type { Reply } from './control-plane.js';
import { download } from './download.js';
import type { Line } from './http.js';
import { encodeName, fileNameProblem } from './names.js';
import type { LockOptions } from './options.js';
import { field, readFileVersion, readPart } from './reply.js';
import type { Trouble } from '../storage/retry.js';
import type { Uploader } from './uploader.js';

export interface B2StoreParts {
  readonly line: Line;
  readonly account: Account;
  readonly retrying: Retrying;
  readonly counters: StoreCounters;
  readonly bucket: Bucket;
  readonly uploader: Uploader;
  readonly clock: Clock;
  readonly lock: LockOptions | undefined;
  readonly serverSideEncryption: boolean;
}

const DAY_MS = 86_400_000;
/** Largest page of each listing that costs one transaction (b2_list_file_versions is billed per 1000). */
const VERSIONS_PER_PAGE = 1000;
const PARTS_PER_PAGE = 1000;
const UNFINISHED_PER_PAGE = 100;

export class B2Store implements ObjectStore {
  /** https://www.backblaze.com/docs/cloud-storage-large-files */
  readonly limits: StoreLimits;
  readonly counters: StoreCounters;
  readonly #parts: B2StoreParts;

  constructor(parts: B2StoreParts) {
    this.#parts = parts;
    this.counters = parts.counters;
    this.limits = { minPartBytes: parts.account.authorization.minPartBytes, maxPartBytes: 5_000_000_000, maxParts: 10_000 };
  }

  async put(meta: ObjectMeta, body: ObjectBody, signal?: AbortSignal): Promise<FileVersion> {
    checkName(meta.fileName);
    const headers: Record<string, string> = { 'x-bz-file-name': encodeName(meta.fileName), 'content-type': meta.contentType };
    for (const [key, value] of Object.entries(meta.fileInfo)) headers[`x-bz-info-${key}`] = encodeName(value);
    const { lock, serverSideEncryption } = this.#parts;
    if (serverSideEncryption) headers['x-bz-server-side-encryption'] = 'AES256';
    if (lock !== undefined) {
      headers['x-bz-file-retention-mode'] = lock.mode;
      headers['x-bz-file-retention-retain-until-timestamp'] = String(this.#lockedUntil(lock));
    }
    return readFileVersion(await this.#parts.uploader.upload({ operation: 'b2_upload_file', label: meta.fileName, headers, body }, signal));
  }

  async startLarge(meta: ObjectMeta, signal?: AbortSignal): Promise<string> {
    checkName(meta.fileName);
    const { account, bucket, lock, serverSideEncryption } = this.#parts;
    const { fileName, contentType, fileInfo } = meta;
    const parameters = {
      bucketId: bucket.bucketId,
      fileName,
      contentType,
      fileInfo,
      fileRetention: lock === undefined ? undefined : { mode: lock.mode, retainUntilTimestamp: this.#lockedUntil(lock) },
      serverSideEncryption: serverSideEncryption ? { mode: 'SSE-B2', algorithm: 'AES256' } : undefined,
    };
    return field.string(await account.call('b2_start_large_file', parameters, { signal }), 'fileId');
  }

  async uploadPart(fileId: string, partNumber: number, body: ObjectBody, signal?: AbortSignal): Promise<void> {
    const headers = { 'x-bz-part-number': String(partNumber) };
    await this.#parts.uploader.upload({ operation: 'b2_upload_part', label: `part ${partNumber}`, fileId, headers, body }, signal);
  }

  async finishLarge(fileId: string, partSha1s: readonly string[], signal?: AbortSignal): Promise<FileVersion> {
    const { account, uploader } = this.#parts;
    const parameters = { fileId, partSha1Array: partSha1s };
    const reply = await account.call('b2_finish_large_file', parameters, { signal, fileId, settle: (trouble) => this.#wasFinished(fileId, trouble) });
    uploader.forget(fileId);
    return readFileVersion(reply);
  }

  /** A lost answer, or a second finish that is refused because the first one worked: the file's own state tells. */
  async #wasFinished(fileId: string, { kind }: Trouble): Promise<Reply | undefined> {
    const ambiguous = kind === 'network' || kind === 'stalled' || kind === 'server-error' || kind === 'request-timeout' || kind === 'gone';
    if (!ambiguous) return undefined;
    const reply = await this.#fileReply(fileId);
    return reply?.['action'] === 'upload' ? reply : undefined;
  }

  async cancelLarge(fileId: string): Promise<void> {
    const { account, uploader } = this.#parts;
    uploader.forget(fileId);
    try {
      await account.call('b2_cancel_large_file', { fileId });
    } catch (thrown) {
      // Gone already is what was wanted.
      if (!isRefusedRequest(thrown)) throw thrown;
    }
  }

  async *listParts(fileId: string): AsyncGenerator<PartInfo, void, undefined> {
    let startPartNumber: number | undefined;
    do {
      const parameters = { fileId, startPartNumber, maxPartCount: PARTS_PER_PAGE };
      const reply: Reply = await this.#parts.account.call('b2_list_parts', parameters);
      for (const part of field.records(reply, 'parts')) yield readPart(part);
      const next = reply['nextPartNumber'];
      startPartNumber = typeof next === 'number' ? next : undefined;
    } while (startPartNumber !== undefined);
  }

  async *listUnfinished(namePrefix: string): AsyncGenerator<FileVersion, void, undefined> {
    const { account, bucket } = this.#parts;
    let startFileId: string | undefined;
    do {
      const parameters = { bucketId: bucket.bucketId, namePrefix, startFileId, maxFileCount: UNFINISHED_PER_PAGE };
      const reply: Reply = await account.call('b2_list_unfinished_large_files', parameters);
      for (const file of field.records(reply, 'files')) yield readFileVersion(file);
      startFileId = field.optionalString(reply, 'nextFileId');
    } while (startFileId !== undefined);
  }

  async *listVersions(namePrefix: string): AsyncGenerator<FileVersion, void, undefined> {
    const { account, bucket } = this.#parts;
    let startFileName: string | undefined;
    let startFileId: string | undefined;
    do {
      const parameters = { bucketId: bucket.bucketId, prefix: namePrefix, startFileName, startFileId, maxFileCount: VERSIONS_PER_PAGE };
      const reply: Reply = await account.call('b2_list_file_versions', parameters);
      for (const file of field.records(reply, 'files')) yield readFileVersion(file);
      startFileName = field.optionalString(reply, 'nextFileName');
      startFileId = field.optionalString(reply, 'nextFileId');
    } while (startFileName !== undefined);
  }

  async fileInfo(fileId: string): Promise<FileVersion | undefined> {
    const reply = await this.#fileReply(fileId);
    return reply === undefined ? undefined : readFileVersion(reply);
  }

  async deleteVersion(fileName: string, fileId: string): Promise<'deleted' | 'locked' | 'absent'> {
    try {
      await this.#parts.account.call('b2_delete_file_version', { fileName, fileId });
      return 'deleted';
    } catch (thrown) {
      if (!(thrown instanceof Failure) || thrown.kind !== 'denied') throw thrown;
      const version = await this.fileInfo(fileId);
      if (version === undefined) return 'absent';
      if ((version.lockedUntil ?? 0) > this.#parts.clock.now() || /access_denied/.test(thrown.message)) return 'locked';
      throw thrown;
    }
  }

  download(fileId: string, { from, to }: { from: number; to: number }, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const { line, account, retrying, counters } = this.#parts;
    return download({ line, account, retrying, counters }, { fileId, from, to, signal });
  }

  async downloadAuthorization(namePrefix: string, seconds: number): Promise<{ token: string; baseUrl: string }> {
    const { account, bucket } = this.#parts;
    const parameters = { bucketId: bucket.bucketId, fileNamePrefix: namePrefix, validDurationInSeconds: seconds };
    const token = field.string(await account.call('b2_get_download_authorization', parameters), 'authorizationToken');
    return { token, baseUrl: `${account.authorization.downloadUrl}/file/${bucket.name}/` };
  }

  async close(): Promise<void> {
    await this.#parts.line.agent.destroy();
  }

  async #fileReply(fileId: string): Promise<Reply | undefined> {
    try {
      return await this.#parts.account.call('b2_get_file_info', { fileId });
    } catch (thrown) {
      if (isRefusedRequest(thrown)) return undefined;
      throw thrown;
    }
  }

  #lockedUntil({ days }: LockOptions): number {
    return this.#parts.clock.now() + days * DAY_MS;
  }
}

/** B2 understood the call and has no such file: 400 or 404, not a matter of the key. */
function isRefusedRequest(thrown: unknown): boolean {
  return thrown instanceof Failure && thrown.kind === 'denied' && /: (400|404) /.test(thrown.message);
}

function checkName(fileName: string): void {
  const problem = fileNameProblem(fileName);
  if (problem !== undefined) throw new Failure('config', `B2 takes no object of the name ${JSON.stringify(fileName)}: ${problem}`);
}
