/** Every codec, read back by the stock program: sizes at the boundaries of chunks, data of every kind, a real tar. */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import test, { after, before, describe } from 'node:test';
import type { Sealer } from '../../src/sealing/ports.js';
import { createSealer } from '../../src/sealing/sealer.js';
import { skipWithout } from '../support/debian.js';
import { choice, chunkBytesOf, compressed, decompressed, output } from './streams.js';

const MIB = 1024 * 1024;

let engine: Sealer;
before(async () => {
  engine = await createSealer({
    workers: 2,
    profile: 'librepgp',
    aead: 'ocb',
    partBytes: 5 * MIB,
    passwords: ['test'],
    s2kOctets: 1024,
  });
});
after(() => engine.close());

/** Incompressible, and the same in each run. */
function noise(bytes: number): Buffer {
  return createCipheriv('aes-256-ctr', Buffer.alloc(32, 1), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

function text(bytes: number): Buffer {
  const lines: string[] = [];
  let length = 0;
  for (let i = 0; length < bytes; i++) {
    const line = `${i} ${(i * 2654435761) % 1000003} the quick brown fox jumps over the lazy dog\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join('')).subarray(0, bytes);
}

const CHEAP = [
  'none',
  'gzip',
  'gzip:1',
  'gzip by libdeflate-gzip',
  'gzip:1 by igzip',
  'zstd',
  'bzip2:1',
  'xz:0',
  'lz4',
] as const;
const plenty = text(17 * MIB);

for (const name of CHEAP) {
  const codec = choice(name);
  const chunk = codec.kind === 'listed' ? chunkBytesOf(codec) : MIB;
  const through = async (data: Uint8Array, sliceBytes?: number): Promise<Buffer> => {
    const stream = await compressed(data, codec, {
      compressor: engine.pool,
      ...(sliceBytes === undefined ? {} : { sliceBytes }),
    });
    const back = decompressed(stream, codec);
    assert.ok(back.equals(data), `${data.length} bytes came back as ${back.length}`);
    return stream;
  };

  const program = name.split(' by ')[1];
  describe(name, { skip: program === undefined ? false : skipWithout(program) }, () => {
    for (const size of [0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk - 1, 2 * chunk, 2 * chunk + 1]) {
      test(`${size} bytes`, async () => {
        const stream = await through(plenty.subarray(0, size));
        if (codec.kind !== 'none') assert.ok(stream.length < size / 2 + 100);
      });
    }

    test('incompressible data', async () => {
      const data = noise(2 * chunk + 1000);
      const stream = await through(data);
      // bzip2 has no stored form.
      const most = codec.name === 'bzip2' ? 1.01 : 1.001;
      assert.ok(stream.length < data.length * most + 100, `${data.length} bytes became ${stream.length}`);
    });

    test('compressible and incompressible chunks in turn', async () => {
      await through(Buffer.concat([noise(chunk), plenty.subarray(0, chunk), noise(chunk), text(chunk + 5)]));
    });

    test('a tar of real files', async () => {
      const tar = output('tar', [
        '-C',
        new URL('../../../', import.meta.url).pathname,
        '-cf',
        '-',
        'src',
        'test',
      ]);
      const stream = await through(tar, 10_240);
      assert.deepEqual(
        output('tar', ['-tf', '-'], decompressed(stream, codec)),
        output('tar', ['-tf', '-'], tar),
      );
    });
  });
}

test('the bytes do not depend on the number of threads', async () => {
  const data = Buffer.concat([plenty, noise(5 * MIB)]);
  for (const name of ['zstd:1', 'zstd:3', 'lz4']) {
    const [one, ...more] = await Promise.all(
      [1, 2, 5].map((threads) => compressed(data, choice(name), { compressor: engine.pool, threads })),
    );
    for (const other of more) assert.ok(one?.equals(other), name);
  }
});

test('tar recognizes what gzip made', async () => {
  const tar = output('tar', ['-C', '/usr/bin', '-cf', '-', 'tar', 'gzip']);
  const stream = await compressed(tar, choice('gzip'), { compressor: engine.pool });
  assert.equal(output('tar', ['-tzf', '-'], stream).toString(), 'tar\ngzip\n');
  assert.ok(output('zcat', [], stream).equals(tar));
});

test('gzip -6 itself compresses programs and texts hardly better', async () => {
  const tar = output('tar', [
    '-C',
    '/usr',
    '-cf',
    '-',
    'bin/gpg',
    'bin/bash',
    'share/perl',
    'share/common-licenses',
  ]);
  const ours = await compressed(tar, choice('gzip'), { compressor: engine.pool });
  const theirs = output('gzip', ['-6', '-c'], tar);
  assert.ok(ours.length < 1.01 * theirs.length, `${ours.length} bytes, gzip ${theirs.length}`);
});
