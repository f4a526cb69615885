/**
 * What was uploaded, at sizes either side of every boundary, decrypted by gpg and by OpenPGP.js and compared byte for byte.
 * A source that gives nothing is a failed one: that no bytes make a message, too, is tested where messages are made.
 */
import assert from 'node:assert/strict';
import { createHash, randomFillSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as openpgp from 'openpgp';
import { archiveSession } from '../../src/archive/session.js';
import { openCommand } from '../../src/backuppc/source.js';
import { unthrottled } from '../../src/bandwidth/throttle.js';
import type { Manifest } from '../../src/catalog/manifest.js';
import { codecOf } from '../../src/compression/codec-choice.js';
import { systemClock } from '../../src/clock.js';
import { readConfig } from '../../src/config/read-config.js';
import { volumeLayout } from '../../src/openpgp/layout.js';
import { startB2Server, type B2Server } from '../support/b2-server/server.js';
import { GpgHome } from '../support/gpg.js';

const BUCKET = 'boundary-test';
const PASSPHRASE = 'boundary';
const MIB = 1024 * 1024;
const PART = 5 * MIB;
const layout = volumeLayout({
  profile: 'librepgp',
  aead: 'ocb',
  partBytes: PART,
  aeadChunkBytes: MIB,
  keyPacketReserve: 128,
});
const first = layout.dataBytes(0);
const two = first + layout.dataBytes(1);
const VOLUME = 6_000_000;

/** OpenPGP.js decrypts OCB in plain JavaScript at some 3 MB/s: it judges up to a part and a bit, gpg everything. */
const JUDGED_BY_OPENPGPJS = first + 1;

const cases: [name: string, bytes: number, splitSize: number, volumes: number][] = [
  ['one byte', 1, 0, 1],
  ...around('one aeadChunk', MIB, 0, 1),
  ...around('one part', first, 0, 1),
  ...around('two parts', two, 0, 1),
  ['one volume less one byte', VOLUME - 1, VOLUME, 1],
  ['one volume', VOLUME, VOLUME, 1],
  ['one volume and one byte', VOLUME + 1, VOLUME, 2],
  ['three volumes', 3 * VOLUME, VOLUME, 3],
];

function around(
  name: string,
  bytes: number,
  splitSize: number,
  volumes: number,
): [string, number, number, number][] {
  return [
    [`${name} less one byte`, bytes - 1, splitSize, volumes],
    [name, bytes, splitSize, volumes],
    [`${name} and one byte`, bytes + 1, splitSize, volumes],
  ];
}

describe('stored bytes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'boundaries-'));
  const random = randomFillSync(Buffer.alloc(3 * VOLUME + 1));
  let server: B2Server;
  let gpg: GpgHome;
  before(async () => {
    server = await startB2Server({ buckets: [BUCKET] });
    gpg = new GpgHome();
    writeFileSync(join(directory, 'empty.toml'), '');
    mkdirSync(join(directory, 'state'));
  });
  after(async () => {
    gpg.remove();
    await server.close();
    rmSync(directory, { recursive: true });
  });

  for (const [index, [name, bytes, splitSize, volumes]] of cases.entries()) {
    it(`${name} (${bytes} bytes)`, async () => {
      const host = `h${index}`;
      const file = join(directory, 'input');
      const data = random.subarray(0, bytes);
      writeFileSync(file, data);
      const config = readConfig({
        file: join(directory, 'empty.toml'),
        environment: {
          B2_APPLICATION_KEY_ID: server.keyId,
          B2_APPLICATION_KEY: server.key,
          BACKUPPC_B2_PASSPHRASE: PASSPHRASE,
        },
        flags: {
          endpoint: server.url,
          bucket: BUCKET,
          part_size: String(PART),
          s2k_bytes: '1024',
          workers: '2',
        },
      });
      const source = () => openCommand(['cat', file], () => undefined);
      const { manifest } = await archiveSession({
        request: {
          host,
          number: 1,
          share: '*',
          openSource: source,
          readableAgain: true,
          stateDirectory: join(directory, 'state'),
          splitSize,
          codec: codecOf({ compPath: '', compExt: '', override: undefined }),
          expected: undefined,
          backupEndedAt: undefined,
          expectedBytes: undefined,
        },
        config,
        throttle: unthrottled,
        clock: systemClock,
        emit: () => undefined,
        stop: new AbortController().signal,
        judge: {
          judge: () => Promise.reject(new Error('nothing is there to be judged')),
          remembers: () => Promise.resolve(false),
        },
        onRunning: () => undefined,
      });
      assert.ok(manifest);
      await judge(manifest, data, volumes);
    });
  }

  async function judge(manifest: Manifest, data: Buffer, volumes: number): Promise<void> {
    const bucket = server.bucket(BUCKET);
    assert.equal(manifest.volumes.length, volumes);
    const plain: Buffer[] = [];
    for (const volume of manifest.volumes) {
      const message = bucket.read(volume.name);
      assert.equal(message.length, volume.bytes);
      let at = 0;
      for (const [length, sha1] of volume.parts) {
        assert.equal(
          createHash('sha1')
            .update(message.subarray(at, at + length))
            .digest('hex'),
          sha1,
        );
        at += length;
      }
      assert.equal(at, message.length, 'the parts are the whole volume');
      const byGpg = await gpg.decrypt(message, PASSPHRASE);
      if (data.length <= JUDGED_BY_OPENPGPJS) {
        const read = await openpgp.decrypt({
          message: await openpgp.readMessage({ binaryMessage: message }),
          passwords: PASSPHRASE,
          format: 'binary',
        });
        assert.ok(byGpg.equals(read.data as Uint8Array), 'gpg and OpenPGP.js agree');
      }
      plain.push(byGpg);
    }
    assert.ok(Buffer.concat(plain).equals(data), 'byte for byte');
  }
});
