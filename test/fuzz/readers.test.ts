/**
 * Everything that reads what others may have written, fed with random and with mutated input: each gives a value or a `Failure`, in bounded
 * time.
 */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readAuthorization } from '../../src/b2/authorization.js';
import { readFileVersion, readPart, UnreadableReply } from '../../src/b2/reply.js';
import { readUploadUrl } from '../../src/b2/upload-urls.js';
import { assemble } from '../../src/catalog/assemble.js';
import { difference } from '../../src/catalog/difference.js';
import { followManifest } from '../../src/catalog/follow-manifest.js';
import { parseManifest, parsePlainManifest } from '../../src/catalog/manifest.js';
import { INFO } from '../../src/catalog/names.js';
import { Failure } from '../../src/errors.js';
import { openWholeMessage } from '../../src/openpgp/reader.js';
import type { FileVersion } from '../../src/store.js';
import { addArchive, memoryStore } from '../cli/memory-store.js';
import { CHUNK, sealVolume, smallEngine } from '../sealing/sealed-volume.js';
import { forAWhile, isDamage, mayFail, triedForAWhile } from './for-a-while.js';

const genuine = addArchive(memoryStore(), { host: 'web', number: 1, ageDays: 1 });

const DROPPED = Symbol('an element of an array is left out, and the ones behind it move up');

/** A JSON value with one of its values, however deep, replaced, removed, or added to. */
function mutated(value: unknown): fc.Arbitrary<unknown> {
  const paths: string[][] = [];
  const walk = (at: unknown, path: string[]): void => {
    paths.push(path);
    if (typeof at === 'object' && at !== null)
      for (const [key, below] of Object.entries(at)) walk(below, [...path, key]);
  };
  walk(value, []);
  return fc
    .tuple(
      fc.constantFrom(...paths),
      fc.oneof(fc.jsonValue(), fc.constant(undefined), fc.constant(DROPPED), fc.maxSafeInteger()),
    )
    .map(([path, instead]) => {
      const copy = { root: structuredClone(value) } as Record<string, unknown>;
      let at = copy;
      for (const key of ['root', ...path].slice(0, -1)) at = at[key] as Record<string, unknown>;
      const key = path.at(-1) ?? 'root';
      if (instead !== DROPPED) at[key] = instead;
      else if (Array.isArray(at)) at.splice(Number(key), 1);
      else Reflect.deleteProperty(at, key);
      return copy['root'];
    });
}

/** `truth` without the fields that `said` leaves out. */
function without(truth: unknown, said: unknown): unknown {
  if (typeof truth !== 'object' || truth === null || typeof said !== 'object' || said === null) return truth;
  if (Array.isArray(truth)) return truth.map((value, at) => without(value, (said as unknown[])[at]));
  const left = Object.entries(truth).filter(([key]) => Object.hasOwn(said, key));
  return Object.fromEntries(
    left.map(([key, value]) => [key, without(value, (said as Record<string, unknown>)[key])]),
  );
}

/** What cannot break out of a header or of curl's configuration. */
const PLAIN_HTTPS = /^https:\/\/[^@/?\s"'\\]+([/?][^\s"'\\]*)?$/;
const PLAIN_TOKEN = /^[^\s"'\\\u0000-\u0020\u007f-\uffff]+$/;

describe('fuzz', () => {
  it('manifests', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      mutated(genuine).map((value) => JSON.stringify(value ?? null)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        mayFail(() => parseManifest(text, 'web.1.tar.MANIFEST.gpg'), isDamage);
        mayFail(() => parsePlainManifest(text, 'web.1.tar.COMPLETE'), isDamage);
      }),
      forAWhile,
    );
  });

  it('a manifest that differs from the sealed one is noticed', () => {
    const json: unknown = JSON.parse(JSON.stringify(genuine));
    fc.assert(
      fc.property(mutated(json), (said) => {
        // What JSON cannot say is not said; a field that is left out is none that differs.
        const again: unknown = JSON.parse(JSON.stringify(said ?? null));
        const where = difference(again, json);
        if (where !== undefined) assert.notDeepEqual(again, json);
        else assert.deepEqual(again, without(json, again));
      }),
      forAWhile,
    );
  });

  it('listings: what an archive is made of, and the volumes that its manifest names', () => {
    const name = fc.oneof(
      fc.constantFrom(
        'web.1.tar.aa.gpg',
        'web.1.tar.ab.gpg',
        'web.1.tar.COMPLETE',
        'web.1.tar.COMPLETE.sig',
        'web.1.tar.MANIFEST.gpg',
        'web.1.tar.FILES.gpg',
        'web.1.tar.zst/000000.gpg',
      ),
      fc.string().map((tail) => `web.1.tar${tail}`),
    );
    const text = fc.oneof(fc.string(), fc.constantFrom('1', '0', '-1', '1e400', 'web', 'finished', 'run-1'));
    const info = fc.dictionary(fc.constantFrom(...Object.values(INFO)), text);
    const version = fc.record({
      fileName: name,
      fileId: fc.string(),
      action: fc.constantFrom('upload', 'start', 'hide', 'folder'),
      contentLength: fc.nat(),
      contentSha1: fc.option(fc.string(), { nil: undefined }),
      contentType: fc.string(),
      fileInfo: fc.oneof(
        info,
        info.map((more) => ({
          ...more,
          [INFO.format]: '1',
          [INFO.host]: 'web',
          [INFO.number]: '1',
          [INFO.run]: 'run-1',
        })),
      ),
      uploadTimestamp: fc.nat(),
      lockedUntil: fc.constant(undefined),
      legalHold: fc.boolean(),
    }) as fc.Arbitrary<FileVersion>;
    fc.assert(
      fc.property(fc.array(version, { maxLength: 12 }), (versions) => {
        const sorted = versions.toSorted((a, b) => (a.fileName < b.fileName ? -1 : 1));
        const options = { prefix: '', now: 1e9, isAlive: () => false, activeMs: 1 };
        const { archive, foreign } = assemble({ host: 'web', number: 1 }, sorted, options);
        assert.ok(foreign.every((one) => versions.includes(one)));
        if (archive === undefined) return;
        const followed = followManifest(archive, genuine);
        assert.ok(followed.archive.volumes.length <= genuine.volumes.length);
        for (const { name: its, bytes } of followed.archive.volumes)
          assert.ok(genuine.volumes.some((volume) => volume.name === its && volume.bytes === bytes));
      }),
      forAWhile,
    );
  });

  for (const profile of ['librepgp', 'rfc9580', 'rfc4880'] as const)
    it(`OpenPGP messages of profile ${profile}: a changed octet never gives other data`, async () => {
      const engine = await smallEngine({ profile });
      // Some chunks that are not compressed: only what authenticates them tells that one has changed.
      const inside = randomFillSync(Buffer.alloc(2 * CHUNK + 1000));
      const sealed = Uint8Array.from((await sealVolume(engine, inside)).message);
      await engine.close();
      const octets = fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.tuple(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => {
          const copy = Uint8Array.from(sealed);
          copy[at] = (copy[at] ?? 0) ^ flip;
          return copy;
        }),
        fc.nat(sealed.length - 1).map((length) => sealed.slice(0, length)),
        fc.uint8Array({ minLength: 1, maxLength: 20 }).map((more) => Uint8Array.from([...sealed, ...more])),
      );
      await triedForAWhile(
        fc.asyncProperty(octets, async (message) => {
          try {
            const { data } = await openWholeMessage(message, { passwords: ['correct horse'] }, inside.length);
            assert.ok(data.equals(inside));
          } catch (error) {
            if (!isDamage(error)) throw error;
          }
        }),
      );
    });

  it('answers of B2', () => {
    const isUnreadable = (error: unknown): boolean =>
      error instanceof UnreadableReply || error instanceof Failure;
    const answer = {
      accountId: 'a',
      authorizationToken: 't',
      apiInfo: {
        storageApi: {
          apiUrl: 'https://api.example.org',
          downloadUrl: 'https://f.example.org',
          recommendedPartSize: 1,
          absoluteMinimumPartSize: 1,
          allowed: { capabilities: ['readFiles'], buckets: [{ id: 'i', name: 'n' }], namePrefix: null },
        },
      },
      action: 'upload',
      fileName: 'n',
      fileId: 'i',
      contentLength: 1,
      contentSha1: 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
      fileInfo: { a: 'b' },
      uploadTimestamp: 1,
      partNumber: 1,
    };
    const url = fc.oneof(
      fc.webUrl({ validSchemes: ['http', 'https', 'file'] }),
      fc.constantFrom('http://127.0.0.1:1', 'http://localhost', 'https://u:p@h', 'https://h"\nurl="x', 'x'),
    );
    const lying = fc
      .record({ apiUrl: url, downloadUrl: url, token: fc.oneof(fc.string(), fc.constantFrom('4_0=', 'a"b')) })
      .map(({ apiUrl, downloadUrl, token }) => ({
        ...answer,
        authorizationToken: token,
        uploadUrl: apiUrl,
        apiInfo: { storageApi: { ...answer.apiInfo.storageApi, apiUrl, downloadUrl } },
      }));
    const replies = fc.oneof(mutated(answer), lying, fc.dictionary(fc.string(), fc.jsonValue()));
    // Found by it: what is no text, and says that it cannot become one.
    const noText = { toString: 0 };
    mayFail(() => readFileVersion({ ...answer, fileInfo: { a: noText } }), isUnreadable);
    const { storageApi } = answer.apiInfo;
    const apiInfo = { storageApi: { ...storageApi, allowed: { capabilities: [noText] } } };
    mayFail(() => readAuthorization({ ...answer, apiInfo }, 'https://api.example.org'), isUnreadable);
    const from = 'https://api.example.org';
    fc.assert(
      fc.property(replies, (reply) => {
        if (typeof reply !== 'object' || reply === null || Array.isArray(reply)) return;
        const fields = reply as Record<string, unknown>;
        for (const read of [readFileVersion, readPart]) mayFail(() => read(fields), isUnreadable);
        mayFail(() => {
          const { apiUrl, downloadUrl, token } = readAuthorization(fields, from);
          for (const its of [apiUrl, downloadUrl]) assert.match(its, PLAIN_HTTPS);
          assert.match(token, PLAIN_TOKEN);
        }, isUnreadable);
        mayFail(() => {
          const { url: its, token } = readUploadUrl(fields, from);
          assert.match(its, PLAIN_HTTPS);
          assert.match(token, PLAIN_TOKEN);
        }, isUnreadable);
      }),
      forAWhile,
    );
  });
});
