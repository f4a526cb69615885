/** What the server received, over all runs: the bytes of every body, also of those that broke off. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { PASSPHRASE } from '../journeys/harness.js';
import type { B2Server, PartRecord } from '../support/b2-server/server.js';
import { SecretsReader } from './secrets.js';

/** Full parts differ by no more than this: key packets, length octets. */
const FRAMING_BYTES = 4096;

interface Body {
  /** Which start of a volume: equal where nonces could meet. */
  readonly secrets: string;
  readonly part: number;
  readonly declaredBytes: number;
  readonly bytes: Buffer;
  readonly stored: boolean;
}

export class Observer {
  readonly #server: B2Server;
  readonly #bucket: string;
  /** Plain files that were seen, by fileId. */
  readonly #plain = new Map<string, Body>();
  #seenVersions = new Set<string>();
  readonly #secrets = new SecretsReader(PASSPHRASE);

  constructor(server: B2Server, bucket: string) {
    this.#server = server;
    this.#bucket = bucket;
  }

  /** Keep what is in the bucket now: a later run may delete it. */
  look(): void {
    const bucket = this.#server.bucket(this.#bucket);
    for (const version of bucket.versions()) {
      const { fileId, fileName, action } = version;
      if (action !== 'upload' || !fileName.endsWith('.gpg') || this.#seenVersions.has(fileId)) continue;
      this.#seenVersions.add(fileId);
      if (this.#server.parts.some((part) => part.fileId === fileId)) continue;
      const bytes = bucket.read(version);
      this.#plain.set(fileId, {
        secrets: this.#secrets.read(bytes) ?? fileId,
        part: 1,
        declaredBytes: bytes.length,
        bytes,
        stored: true,
      });
    }
  }

  #bodies(): Body[] {
    const heads = new Map<string, string>();
    for (const part of this.#server.parts) {
      const bytes = bytesOf(part);
      const secrets = part.partNumber === 1 ? this.#secrets.read(bytes) : undefined;
      if (secrets !== undefined) heads.set(part.fileId, secrets);
    }
    const parts = this.#server.parts.map((part): Body => ({
      // A large file whose first part never came is known by its fileId alone.
      secrets: heads.get(part.fileId) ?? part.fileId,
      part: part.partNumber,
      declaredBytes: part.contentLength,
      bytes: bytesOf(part),
      stored: part.stored,
    }));
    return [...parts, ...this.#plain.values()];
  }

  /**
   * Under one key a part number stands for its nonces: so all bodies under it must be the same bytes, as far as they came. A part shorter
   * than others ends the message, and its final tag takes the nonce that the part behind it would begin with.
   */
  assertNoNonceReuse(): void {
    const groups = grouped(this.#bodies(), ({ secrets }) => secrets);
    for (const [secrets, bodies] of groups) {
      for (const [part, same] of grouped(bodies, (body) => body.part)) {
        const longest = same.reduce((a, b) => (b.bytes.length > a.bytes.length ? b : a));
        for (const body of same) {
          assert.equal(
            body.declaredBytes,
            longest.declaredBytes,
            `part ${part} of ${secrets} had two lengths`,
          );
          assert.ok(
            longest.bytes.subarray(0, body.bytes.length).equals(body.bytes),
            `part ${part} of ${secrets} had two contents`,
          );
        }
      }
      const full = Math.max(...bodies.map(({ declaredBytes }) => declaredBytes));
      const last = Math.max(...bodies.map(({ part }) => part));
      for (const { part, declaredBytes } of bodies) {
        assert.ok(
          part === last || declaredBytes > full - FRAMING_BYTES,
          `part ${part} of ${secrets} ended the message, yet part ${last} came`,
        );
      }
    }
  }

  /** Bytes of whole parts that were stored, and then stored again. */
  sentTwiceBytes(): number {
    let twice = 0;
    const seen = new Set<string>();
    for (const { part, bytes, stored } of this.#bodies()) {
      if (!stored) continue;
      const content = `${part} ${createHash('sha1').update(bytes).digest('hex')}`;
      if (seen.has(content)) twice += bytes.length;
      seen.add(content);
    }
    return twice;
  }

  /** Bytes of bodies that broke off: what was in flight. */
  brokenOffBytes(): number {
    return this.#bodies().reduce((sum, { stored, bytes }) => sum + (stored ? 0 : bytes.length), 0);
  }
}

function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

function bytesOf(part: PartRecord): Buffer {
  return part.bytes === undefined
    ? Buffer.alloc(0)
    : Buffer.concat([...part.bytes.read(0, part.receivedBytes)]);
}
