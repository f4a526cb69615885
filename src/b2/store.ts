/** The port to object storage, on Backblaze B2. */
import type { Dispatcher } from 'undici';
import { Failure } from '../errors.js';
import { answerMayBeLost, type Trouble } from './retry/retry.js';
import type { Retrying } from './retry/retrying.js';
import type {
  CopyOutcome,
  DownloadOptions,
  FileVersion,
  ListingOptions,
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
import { copyFile } from './copy.js';
import { download } from './download.js';
import type { Transport } from './http.js';
import { checkPrefix, encodeName, fileNameProblem } from './names.js';
import type { Protection } from './protection.js';
import { PageStarts, readFileId, readFiles, readParts, type FilesPage, type PartsPage } from './pages.js';
import { field, readFileVersion } from './reply.js';
import { saysLocked } from './translate.js';
import type { Uploader } from './uploader.js';

export interface B2StoreParts {
  readonly transport: Transport;
  readonly receivingAgent: Dispatcher;
  readonly account: Account;
  readonly retrying: Retrying;
  readonly counters: StoreCounters;
  readonly bucket: Bucket;
  readonly uploader: Uploader;
  readonly protection: Protection;
}

/** Largest page of each listing that costs one transaction (b2_list_file_versions is billed per 1000). */
const VERSIONS_PER_PAGE = 1000;
const PARTS_PER_PAGE = 1000;
const UNFINISHED_PER_PAGE = 100;

export class B2Store implements ObjectStore {
  /** https://www.backblaze.com/docs/cloud-storage-large-files */
  readonly limits: StoreLimits;
  readonly counters: StoreCounters;
  readonly #parts: B2StoreParts;
  /** By fileId: for keys that may list files and not look one up. */
  readonly #namesOfUnfinished = new Map<string, string>();

  constructor(parts: B2StoreParts) {
    this.#parts = parts;
    this.counters = parts.counters;
    this.limits = {
      minPartBytes: parts.account.authorization.minPartBytes,
      maxPartBytes: 5_000_000_000,
      maxParts: 10_000,
      maxFileBytes: 10_000_000_000_000,
    };
  }

  async put(meta: ObjectMeta, body: ObjectBody, signal?: AbortSignal): Promise<FileVersion> {
    this.#checkName(meta.fileName);
    const headers: Record<string, string> = {
      'x-bz-file-name': encodeName(meta.fileName),
      'content-type': meta.contentType,
    };
    for (const [key, value] of Object.entries(meta.fileInfo)) headers[`x-bz-info-${key}`] = encodeName(value);
    const { uploader, protection } = this.#parts;
    Object.assign(headers, protection.headers());
    return await uploader.upload(
      { operation: 'b2_upload_file', label: meta.fileName, headers, body },
      readFileVersion,
      signal,
    );
  }

  async copyFile(sourceFileId: string, meta: ObjectMeta, signal?: AbortSignal): Promise<CopyOutcome> {
    this.#checkName(meta.fileName);
    return await copyFile(this.#parts, sourceFileId, meta, signal);
  }

  async startLarge(meta: ObjectMeta, signal?: AbortSignal): Promise<string> {
    this.#checkName(meta.fileName);
    const { account, bucket, protection } = this.#parts;
    const { fileName, contentType, fileInfo } = meta;
    const parameters = {
      bucketId: bucket.bucketId,
      fileName,
      contentType,
      fileInfo,
      fileRetention: protection.retention(),
      serverSideEncryption: protection.encryption(),
    };
    const fileId = await account.call('b2_start_large_file', parameters, readFileId, { signal });
    this.#namesOfUnfinished.set(fileId, fileName);
    return fileId;
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
      () => undefined,
      signal,
    );
  }

  async finishLarge(
    fileId: string,
    partSha1s: readonly string[],
    signal?: AbortSignal,
  ): Promise<FileVersion> {
    const { account } = this.#parts;
    const parameters = { fileId, partSha1Array: partSha1s };
    // An answer may be lost after the work is done; the next try then finds no active upload. The file's own state tells.
    const settle = async (trouble: Trouble) => {
      if (trouble.kind !== 'gone' && !answerMayBeLost(trouble)) return undefined;
      const version = await this.#lookUp(fileId);
      return version?.action === 'upload' ? version : undefined;
    };
    const version = await account.call('b2_finish_large_file', parameters, readFileVersion, {
      signal,
      fileId,
      settle,
    });
    this.#parts.retrying.noteProgress(fileId);
    this.#forget(fileId);
    return version;
  }

  async cancelLarge(fileId: string): Promise<void> {
    const { account } = this.#parts;
    this.#forget(fileId);
    const gone = ({ status }: Trouble) => (status === 400 ? 'gone' : undefined);
    await account.call('b2_cancel_large_file', { fileId }, readFileId, { settle: gone });
  }

  async *listParts(fileId: string): AsyncGenerator<PartInfo, void, undefined> {
    let startPartNumber: number | undefined = 1;
    const starts = new PageStarts();
    do {
      const parameters: Reply = { fileId, startPartNumber, maxPartCount: PARTS_PER_PAGE };
      const page: PartsPage = await this.#parts.account.call('b2_list_parts', parameters, readParts, {
        fileId,
      });
      yield* page.parts;
      startPartNumber = starts.next(page.next);
    } while (startPartNumber !== undefined);
  }

  async *listUnfinished(namePrefix: string): AsyncGenerator<FileVersion, void, undefined> {
    const { account, bucket } = this.#parts;
    let startFileId: string | undefined;
    const starts = new PageStarts();
    do {
      const parameters = {
        bucketId: bucket.bucketId,
        namePrefix,
        startFileId,
        maxFileCount: UNFINISHED_PER_PAGE,
      };
      const page: FilesPage = await account.call('b2_list_unfinished_large_files', parameters, readFiles);
      for (const file of page.files) {
        this.#namesOfUnfinished.set(file.fileId, file.fileName);
        yield file;
      }
      startFileId = starts.next(page.nextFileId);
    } while (startFileId !== undefined);
  }

  async *listVersions(
    namePrefix: string,
    { delimiter }: ListingOptions = {},
  ): AsyncGenerator<FileVersion, void, undefined> {
    const { account, bucket } = this.#parts;
    // Otherwise the package sends an empty start name, which does not begin with the prefix.
    let startFileName: string | undefined = namePrefix;
    let startFileId: string | undefined;
    const starts = new PageStarts();
    do {
      const parameters: Reply = {
        bucketId: bucket.bucketId,
        prefix: namePrefix,
        delimiter,
        startFileName,
        startFileId,
        maxFileCount: VERSIONS_PER_PAGE,
      };
      const page: FilesPage = await account.call('b2_list_file_versions', parameters, readFiles);
      yield* page.files;
      startFileName = starts.next(page.nextFileName, page.nextFileId);
      startFileId = page.nextFileId;
    } while (startFileName !== undefined);
  }

  async fileInfo(fileId: string): Promise<FileVersion | undefined> {
    const found = await this.#parts.account.call(
      'b2_get_file_info',
      { fileId },
      (reply): FileVersion | 'none' => readFileVersion(reply),
      // 400: not a file ID.
      { settle: ({ status }) => (status === 404 || status === 400 ? 'none' : undefined) },
    );
    return found === 'none' ? undefined : found;
  }

  async deleteVersion(fileName: string, fileId: string): Promise<'deleted' | 'locked' | 'absent'> {
    const mayDelete = this.#parts.account.authorization.allowed.capabilities.includes('deleteFiles');
    const settle = (trouble: Trouble) => {
      if (trouble.code === 'file_not_present' || trouble.status === 404) return 'absent';
      return mayDelete && saysLocked(trouble) ? 'locked' : undefined;
    };
    return await this.#parts.account.call<'deleted' | 'locked' | 'absent'>(
      'b2_delete_file_version',
      { fileName, fileId },
      (reply) => {
        readFileId(reply);
        return 'deleted';
      },
      { settle },
    );
  }

  download(
    fileId: string,
    { from, to }: { from: number; to: number },
    signal?: AbortSignal,
    { ownConnection = false, into }: DownloadOptions = {},
  ): AsyncIterable<Uint8Array> {
    return download(this.#parts, { fileId, from, to, ownConnection, into, signal });
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
    const token = await account.call('b2_get_download_authorization', parameters, (reply) =>
      field.token(reply, 'authorizationToken'),
    );
    return { token, baseUrl: `${account.authorization.downloadUrl}/file/${encodeName(bucket.name)}/` };
  }

  serverNow(): number | undefined {
    return this.#parts.transport.serverTime.now();
  }

  async close(): Promise<void> {
    const { transport, receivingAgent } = this.#parts;
    await Promise.all([transport.agent.destroy(), receivingAgent.destroy()]);
  }

  /** A file that was started here or seen unfinished, as far as the key may look. */
  async #lookUp(fileId: string): Promise<FileVersion | undefined> {
    const { capabilities } = this.#parts.account.authorization.allowed;
    if (capabilities.includes('readFiles')) return await this.fileInfo(fileId);
    const fileName = this.#namesOfUnfinished.get(fileId);
    if (fileName === undefined || !capabilities.includes('listFiles')) return undefined;
    for await (const version of this.listVersions(fileName)) if (version.fileId === fileId) return version;
    return undefined;
  }

  /** The large file is finished or cancelled. */
  #forget(fileId: string): void {
    this.#namesOfUnfinished.delete(fileId);
    this.#parts.uploader.forget(fileId);
  }

  /** B2 itself would say only "bad_request" or "unauthorized". */
  #checkName(fileName: string): void {
    const problem = fileNameProblem(fileName);
    if (problem !== undefined) {
      throw new Failure(
        'config',
        `B2 does not accept the object name ${JSON.stringify(fileName)}: ${problem}`,
      );
    }
    checkPrefix(this.#parts.account.authorization.allowed, fileName);
  }
}
