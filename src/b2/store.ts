/** The port to object storage, on Backblaze B2. */
import type { Clock } from '../clock.js';
import { Failure } from '../errors.js';
import type { Trouble, TroubleKind } from './retry/retry.js';
import type { Retrying } from './retry/retrying.js';
import type {
  FileVersion,
  ObjectBody,
  ObjectMeta,
  ObjectStore,
  PartInfo,
  StoreCounters,
  StoreLimits,
} from '../store.js';
import type { Account } from './account.js';
import type { Bucket } from './bucket.js';
import type { Reply } from './control-plane.js';
import { download } from './download.js';
import type { Line } from './http.js';
import { checkPrefix, encodeName, fileNameProblem } from './names.js';
import type { LockOptions } from './options.js';
import { field, readFileVersion, readPart } from './reply.js';
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
    this.limits = {
      minPartBytes: parts.account.authorization.minPartBytes,
      maxPartBytes: 5_000_000_000,
      maxParts: 10_000,
    };
  }

  async put(meta: ObjectMeta, body: ObjectBody, signal?: AbortSignal): Promise<FileVersion> {
    this.#checkName(meta.fileName);
    const headers: Record<string, string> = {
      'x-bz-file-name': encodeName(meta.fileName),
      'content-type': meta.contentType,
    };
    for (const [key, value] of Object.entries(meta.fileInfo)) headers[`x-bz-info-${key}`] = encodeName(value);
    const { lock, serverSideEncryption } = this.#parts;
    if (serverSideEncryption) headers['x-bz-server-side-encryption'] = 'AES256';
    if (lock !== undefined) {
      headers['x-bz-file-retention-mode'] = lock.mode;
      headers['x-bz-file-retention-retain-until-timestamp'] = String(this.#lockedUntil(lock));
    }
    return readFileVersion(
      await this.#parts.uploader.upload(
        { operation: 'b2_upload_file', label: meta.fileName, headers, body },
        signal,
      ),
    );
  }

  async startLarge(meta: ObjectMeta, signal?: AbortSignal): Promise<string> {
    this.#checkName(meta.fileName);
    const { account, bucket, lock, serverSideEncryption } = this.#parts;
    const { fileName, contentType, fileInfo } = meta;
    const parameters = {
      bucketId: bucket.bucketId,
      fileName,
      contentType,
      fileInfo,
      fileRetention:
        lock === undefined ? undefined : { mode: lock.mode, retainUntilTimestamp: this.#lockedUntil(lock) },
      serverSideEncryption: serverSideEncryption ? { mode: 'SSE-B2', algorithm: 'AES256' } : undefined,
    };
    return field.string(await account.call('b2_start_large_file', parameters, { signal }), 'fileId');
  }

  async uploadPart(
    fileId: string,
    partNumber: number,
    body: ObjectBody,
    signal?: AbortSignal,
  ): Promise<void> {
    const headers = { 'x-bz-part-number': String(partNumber) };
    await this.#parts.uploader.upload(
      { operation: 'b2_upload_part', label: `part ${partNumber}`, fileId, headers, body },
      signal,
    );
  }

  async finishLarge(
    fileId: string,
    partSha1s: readonly string[],
    signal?: AbortSignal,
  ): Promise<FileVersion> {
    const { account, uploader } = this.#parts;
    const parameters = { fileId, partSha1Array: partSha1s };
    // An answer may be lost after the work is done; the next try then finds no active upload. The file's own state tells.
    const settle = async ({ kind }: Trouble) => {
      if (!AMBIGUOUS.has(kind) || (kind !== 'gone' && !this.#mayReadFiles())) return undefined;
      const version = await this.#fileReply(fileId);
      return version?.['action'] === 'upload' ? version : undefined;
    };
    const reply = await account.call('b2_finish_large_file', parameters, { signal, fileId, settle });
    this.#parts.retrying.noteProgress();
    uploader.forget(fileId);
    return readFileVersion(reply);
  }

  async cancelLarge(fileId: string): Promise<void> {
    const { account, uploader } = this.#parts;
    uploader.forget(fileId);
    await account.call('b2_cancel_large_file', { fileId }, { settle: takeForAnswer([400], NO_SUCH_FILE) });
  }

  async *listParts(fileId: string): AsyncGenerator<PartInfo, void, undefined> {
    let startPartNumber: number | undefined = 1;
    do {
      const parameters = { fileId, startPartNumber, maxPartCount: PARTS_PER_PAGE };
      const reply: Reply = await this.#parts.account.call('b2_list_parts', parameters, { fileId });
      for (const part of field.records(reply, 'parts')) yield readPart(part);
      const next = reply['nextPartNumber'];
      startPartNumber = typeof next === 'number' ? next : undefined;
    } while (startPartNumber !== undefined);
  }

  async *listUnfinished(namePrefix: string): AsyncGenerator<FileVersion, void, undefined> {
    const { account, bucket } = this.#parts;
    let startFileId: string | undefined;
    do {
      const parameters = {
        bucketId: bucket.bucketId,
        namePrefix,
        startFileId,
        maxFileCount: UNFINISHED_PER_PAGE,
      };
      const reply: Reply = await account.call('b2_list_unfinished_large_files', parameters);
      for (const file of field.records(reply, 'files')) yield readFileVersion(file);
      startFileId = field.optionalString(reply, 'nextFileId');
    } while (startFileId !== undefined);
  }

  async *listVersions(namePrefix: string): AsyncGenerator<FileVersion, void, undefined> {
    const { account, bucket } = this.#parts;
    // The package sends an empty start name otherwise, which does not begin with the prefix.
    let startFileName: string | undefined = namePrefix;
    let startFileId: string | undefined;
    do {
      const parameters: Reply = {
        bucketId: bucket.bucketId,
        prefix: namePrefix,
        startFileName,
        startFileId,
        maxFileCount: VERSIONS_PER_PAGE,
      };
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
    const settle = ({ code, status }: Trouble): Reply | undefined => {
      if (code === 'file_not_present' || status === 404) return { outcome: 'absent' };
      return code === 'access_denied' ? { outcome: 'locked' } : undefined;
    };
    const { outcome } = await this.#parts.account.call(
      'b2_delete_file_version',
      { fileName, fileId },
      { settle },
    );
    return outcome === 'absent' || outcome === 'locked' ? outcome : 'deleted';
  }

  download(
    fileId: string,
    { from, to }: { from: number; to: number },
    signal?: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const { line, account, retrying, counters } = this.#parts;
    return download({ line, account, retrying, counters }, { fileId, from, to, signal });
  }

  async downloadAuthorization(
    namePrefix: string,
    seconds: number,
  ): Promise<{ token: string; baseUrl: string }> {
    const { account, bucket } = this.#parts;
    const parameters = {
      bucketId: bucket.bucketId,
      fileNamePrefix: namePrefix,
      validDurationInSeconds: seconds,
    };
    const token = field.string(
      await account.call('b2_get_download_authorization', parameters),
      'authorizationToken',
    );
    return { token, baseUrl: `${account.authorization.downloadUrl}/file/${encodeName(bucket.name)}/` };
  }

  async close(): Promise<void> {
    await this.#parts.line.agent.destroy();
  }

  /** undefined where there is no such file, or the ID is none. */
  async #fileReply(fileId: string): Promise<Reply | undefined> {
    const settle = takeForAnswer([400, 404], NO_SUCH_FILE);
    const reply = await this.#parts.account.call('b2_get_file_info', { fileId }, { settle });
    return reply === NO_SUCH_FILE ? undefined : reply;
  }

  #mayReadFiles(): boolean {
    return this.#parts.account.authorization.allowed.capabilities.includes('readFiles');
  }

  /** B2 itself would say only "bad_request" or "unauthorized". */
  #checkName(fileName: string): void {
    const problem = fileNameProblem(fileName);
    if (problem !== undefined) {
      throw new Failure('config', `B2 takes no object of the name ${JSON.stringify(fileName)}: ${problem}`);
    }
    checkPrefix(this.#parts.account.authorization.allowed, fileName);
  }

  #lockedUntil({ days }: LockOptions): number {
    return this.#parts.clock.now() + days * DAY_MS;
  }
}

const AMBIGUOUS: ReadonlySet<TroubleKind> = new Set([
  'network',
  'stalled',
  'request-timeout',
  'server-error',
  'full',
  'gone',
]);
const NO_SUCH_FILE: Reply = Object.freeze({});

/** For `settle`: these refusals are an answer. */
function takeForAnswer(statuses: readonly number[], answer: Reply) {
  return ({ status }: Trouble) => (status !== undefined && statuses.includes(status) ? answer : undefined);
}
