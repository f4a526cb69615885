import { unthrottled } from '../bandwidth/throttle.js';
import { systemClock } from '../clock.js';
import { Connections } from '../storage/connections.js';
import { Retrying } from '../storage/retrying.js';
import type { FileVersion, ObjectBody, ObjectMeta, ObjectStore, PartInfo, StoreCounters } from '../storage/store.js';
import { Account } from './account.js';
import { createAgent } from './agent.js';
import { openBucket, type Bucket } from './bucket.js';
import { ControlPlane, type Reply } from './control-plane.js';
import { download } from './download.js';
import { TIMEOUTS, type Line } from './http.js';
import { bucketName, encodeName } from './names.js';
import type { B2Options } from './options.js';
import { field, readFileVersion, readPart } from './reply.js';
import type { Allowed } from './translate.js';
import { Uploader } from './uploader.js';

/** interim */
export async function openB2(options: B2Options): Promise<ObjectStore> {
  const clock = options.clock ?? systemClock;
  const emit = options.emit ?? (() => undefined);
  const fixed = options.connections === undefined || options.connections === 'auto' ? Math.min(6, options.maxConnections ?? 6) : options.connections;
  const connections = new Connections(fixed);
  const counters: StoreCounters = { classA: 0, classB: 0, classC: 0, retries: 0, bytesSent: 0, bytesConfirmed: 0, bytesReceived: 0,
    get connectionsBusy() { return connections.slots.busy; }, set connectionsBusy(_v) { /* */ }, get connectionsAllowed() { return connections.slots.allowed; }, set connectionsAllowed(_v) { /* */ } };
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const agent = createAgent(fixed + 2, timeouts.connectMs);
  let allowed: Allowed | undefined;
  const line: Line = { agent, clock, timeouts, userAgent: options.userAgent ?? 'backuppc-b2', allowed: () => allowed };
  const retrying = new Retrying({ clock, random: options.random ?? Math.random, emit, budget: options.retries ?? 20, counters });
  const plane = await ControlPlane.create(line, options.endpoint ?? 'https://api.backblazeb2.com', options.keyId, options.key);
  const account = new Account(plane, retrying, counters);
  try {
    const authorization = await account.authorize();
    allowed = authorization.allowed;
    const name = bucketName(options.bucket, { accountId: authorization.accountId, host: options.host });
    const bucket = await openBucket(account, { name, create: options.createBucket ?? false, lock: options.lock !== undefined, serverSideEncryption: options.serverSideEncryption ?? false, cancelUnfinishedDays: options.cancelUnfinishedDays, emit });
    return new B2Store(line, account, retrying, counters, bucket, new Uploader({ line, account, retrying, connections, throttle: options.throttle ?? unthrottled, counters, bucketId: bucket.bucketId }));
  } catch (error) {
    await agent.destroy();
    throw error;
  }
}

class B2Store implements ObjectStore {
  readonly limits = { minPartBytes: 5_000_000, maxPartBytes: 5_000_000_000, maxParts: 10_000 };
  readonly line: Line;
  readonly account: Account;
  readonly retrying: Retrying;
  readonly counters: StoreCounters;
  readonly bucket: Bucket;
  readonly uploader: Uploader;
  constructor(line: Line, account: Account, retrying: Retrying, counters: StoreCounters, bucket: Bucket, uploader: Uploader) {
    this.line = line;
    this.account = account;
    this.retrying = retrying;
    this.counters = counters;
    this.bucket = bucket;
    this.uploader = uploader;
  }
  async put(meta: ObjectMeta, body: ObjectBody, signal?: AbortSignal): Promise<FileVersion> {
    const headers: Record<string, string> = { 'x-bz-file-name': encodeName(meta.fileName), 'content-type': meta.contentType };
    for (const [key, value] of Object.entries(meta.fileInfo)) headers[`x-bz-info-${key}`] = encodeURIComponent(value);
    return readFileVersion(await this.uploader.upload({ operation: 'b2_upload_file', label: meta.fileName, headers, body }, signal));
  }
  async startLarge(meta: ObjectMeta, signal?: AbortSignal): Promise<string> {
    return field.string(await this.account.call('b2_start_large_file', { bucketId: this.bucket.bucketId, fileName: meta.fileName, contentType: meta.contentType, fileInfo: meta.fileInfo }, { signal }), 'fileId');
  }
  async uploadPart(fileId: string, partNumber: number, body: ObjectBody, signal?: AbortSignal): Promise<void> {
    await this.uploader.upload({ operation: 'b2_upload_part', label: String(partNumber), fileId, headers: { 'x-bz-part-number': String(partNumber) }, body }, signal);
  }
  async finishLarge(fileId: string, partSha1s: readonly string[], signal?: AbortSignal): Promise<FileVersion> {
    const reply = await this.account.call('b2_finish_large_file', { fileId, partSha1Array: partSha1s }, { signal, fileId });
    this.uploader.forget(fileId);
    return readFileVersion(reply);
  }
  async cancelLarge(fileId: string): Promise<void> {
    await this.account.call('b2_cancel_large_file', { fileId }, { fileId }).catch(() => undefined);
  }
  async *listParts(fileId: string): AsyncGenerator<PartInfo> {
    let start: number | undefined = 1;
    while (start !== undefined) {
      const reply: Reply = await this.account.call('b2_list_parts', { fileId, startPartNumber: start, maxPartCount: 1000 });
      for (const part of field.records(reply, 'parts')) yield readPart(part);
      const next: unknown = reply['nextPartNumber'];
      start = typeof next === 'number' ? next : undefined;
    }
  }
  async *listUnfinished(namePrefix: string): AsyncGenerator<FileVersion> {
    let start: string | undefined;
    do {
      const reply: Reply = await this.account.call('b2_list_unfinished_large_files', { bucketId: this.bucket.bucketId, namePrefix, startFileId: start, maxFileCount: 100 });
      for (const file of field.records(reply, 'files')) yield readFileVersion(file);
      start = field.optionalString(reply, 'nextFileId');
    } while (start !== undefined);
  }
  async *listVersions(namePrefix: string): AsyncGenerator<FileVersion> {
    let startFileName: string | undefined;
    let startFileId: string | undefined;
    do {
      const reply: Reply = await this.account.call('b2_list_file_versions', { bucketId: this.bucket.bucketId, prefix: namePrefix, startFileName, startFileId, maxFileCount: 1000 });
      for (const file of field.records(reply, 'files')) yield readFileVersion(file);
      startFileName = field.optionalString(reply, 'nextFileName');
      startFileId = field.optionalString(reply, 'nextFileId');
    } while (startFileName !== undefined);
  }
  async fileInfo(fileId: string): Promise<FileVersion | undefined> {
    return readFileVersion(await this.account.call('b2_get_file_info', { fileId }));
  }
  async deleteVersion(fileName: string, fileId: string): Promise<'deleted'> {
    await this.account.call('b2_delete_file_version', { fileName, fileId });
    return 'deleted';
  }
  download(fileId: string, range: { from: number; to: number }, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return download({ line: this.line, account: this.account, retrying: this.retrying, counters: this.counters }, { fileId, ...range, signal });
  }
  async downloadAuthorization(namePrefix: string, seconds: number): Promise<{ token: string; baseUrl: string }> {
    const reply = await this.account.call('b2_get_download_authorization', { bucketId: this.bucket.bucketId, fileNamePrefix: namePrefix, validDurationInSeconds: seconds });
    return { token: field.string(reply, 'authorizationToken'), baseUrl: `${this.account.authorization.downloadUrl}/file/${this.bucket.name}/` };
  }
  async close(): Promise<void> {
    await this.line.agent.close();
  }
}
