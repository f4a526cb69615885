import { createHash } from 'node:crypto';
import { readFile } from './downloads.js';
import type { Service } from './service.js';
import { visibleVersion, type Bucket, type FileVersion } from './state.js';

/** A bucket as tests look into it, past the API. */
export class BucketView {
  readonly bucket: Bucket;
  readonly #service: Service;

  constructor(service: Service, bucket: Bucket) {
    this.#service = service;
    this.bucket = bucket;
  }

  get bucketId(): string {
    return this.bucket.bucketId;
  }

  /** Names of files that can be downloaded by name, in order. */
  names(): string[] {
    return this.#service.account
      .names(this.bucket)
      .filter((name) => visibleVersion(this.bucket.versions.get(name)) !== undefined);
  }

  /** All versions: names in order, newest first; with unfinished files and hide markers. */
  versions(): FileVersion[] {
    return this.#service.account.names(this.bucket).flatMap((name) => this.bucket.versions.get(name) ?? []);
  }

  unfinished(): FileVersion[] {
    return this.versions().filter((file) => file.action === 'start');
  }

  /** The version that a download by name gives. */
  file(fileName: string): FileVersion | undefined {
    return visibleVersion(this.bucket.versions.get(fileName));
  }

  /** The whole content of a file, by name or of a given version. */
  read(file: string | FileVersion): Buffer {
    const version = typeof file === 'string' ? this.file(file) : file;
    if (version === undefined) throw new Error(`no such file in ${this.bucket.bucketName}`);
    return Buffer.concat([...readFile(version, 0, version.contentLength)]);
  }

  /** Places a small file as if it had been uploaded. */
  put(
    fileName: string,
    content: Uint8Array,
    meta: { contentType?: string; fileInfo?: Record<string, string> } = {},
  ): FileVersion {
    const { account, bytes } = this.#service;
    const sink = bytes.sink(content.length);
    sink.write(Buffer.from(content));
    const uploadTimestamp = account.timestamp();
    const file: FileVersion = {
      fileId: account.newFileId(this.bucketId, uploadTimestamp),
      fileName,
      bucketId: this.bucketId,
      action: 'upload',
      contentLength: content.length,
      contentSha1: createHash('sha1').update(content).digest('hex'),
      contentMd5: createHash('md5').update(content).digest('hex'),
      contentType: meta.contentType ?? 'application/octet-stream',
      fileInfo: meta.fileInfo ?? {},
      uploadTimestamp,
      encryption: undefined,
      retention: undefined,
      legalHold: undefined,
      bodies: [sink.finish()],
      parts: new Map(),
    };
    account.addVersion(this.bucket, file);
    return file;
  }

  /** Deletes what a download by name gives, as somebody else might. */
  remove(fileName: string): void {
    const file = this.file(fileName);
    if (file === undefined) throw new Error(`no file ${fileName} in ${this.bucket.bucketName}`);
    this.#service.account.removeVersion(file);
  }

  /** Takes away all versions below the prefix but these, whatever anybody has put up meanwhile. */
  keepOnly(fileIds: ReadonlySet<string>, prefix = ''): void {
    for (const file of this.versions())
      if (file.fileName.startsWith(prefix) && !fileIds.has(file.fileId))
        this.#service.account.removeVersion(file);
  }

  /** Flips one bit of a stored file without anything else changing: damage that B2's own SHA-1 no longer shows. */
  flipBit(fileName: string, offset: number): void {
    const file = this.file(fileName);
    if (file === undefined) throw new Error(`no file ${fileName} in ${this.bucket.bucketName}`);
    const content = this.read(file);
    content[offset] = (content[offset] ?? 0) ^ 1;
    const sink = this.#service.bytes.sink(content.length);
    sink.write(content);
    file.bodies = [sink.finish()];
  }
}
