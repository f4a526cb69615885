import { test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, linkSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { TarError, TarWalk, type TarCounts } from '../../src/restore/tar-walk.js';

function tars(): { format: string; tar: Buffer }[] {
  return ['gnu', 'pax', 'ustar'].map((format) => {
    const directory = mkdtempSync(join(tmpdir(), 'tar-walk-'));
    mkdirSync(join(directory, 'a', 'b'), { recursive: true });
    writeFileSync(join(directory, 'a', 'file'), 'x'.repeat(1000));
    // ustar has no way to write a longer one.
    writeFileSync(join(directory, 'a', 'b', 'n'.repeat(format === 'ustar' ? 90 : 180)), '');
    linkSync(join(directory, 'a', 'file'), join(directory, 'a', 'hard'));
    symlinkSync('file', join(directory, 'a', 'soft'));
    const tar = execFileSync('tar', [`--format=${format}`, '-C', directory, '-cf', '-', 'a']);
    rmSync(directory, { recursive: true });
    return { format, tar };
  });
}

function walked(chunks: Iterable<Uint8Array>): TarCounts {
  const walk = new TarWalk();
  for (const chunk of chunks) walk.push(chunk);
  walk.end();
  return walk.counts;
}

test('files, links and directories are counted, in every format GNU tar writes', () => {
  for (const { format, tar } of tars()) {
    assert.deepEqual(walked([tar]), { files: 3, directories: 2, specials: 1, bytes: tar.length }, format);
  }
});

test('however the bytes are cut', () => {
  const [made] = tars();
  assert.ok(made);
  const { tar } = made;
  const whole = walked([tar]);
  assert.deepEqual(walked(Array.from(tar, (byte) => Uint8Array.of(byte))), whole);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
      const chunks: Uint8Array[] = [];
      for (let at = 0, i = 0; at < tar.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        chunks.push(tar.subarray(at, at + size));
        at += size;
      }
      assert.deepEqual(walked(chunks), whole);
    }),
  );
});

test('a tar that stops anywhere before its end mark is not whole', () => {
  for (const { tar } of tars()) {
    const data = tar.length - 10_240;
    for (const bytes of [0, 1, 511, 512, 513, 1024, 2048, Math.max(0, data), 2560])
      assert.throws(() => walked([tar.subarray(0, bytes)]), TarError, String(bytes));
  }
});

test('a flipped bit in any header is found', () => {
  const made = tars().find(({ format }) => format === 'ustar');
  assert.ok(made);
  fc.assert(
    fc.property(fc.nat(511), fc.nat(7), (at, bit) => {
      const copy = Buffer.from(made.tar);
      copy[at] = (copy[at] ?? 0) ^ (1 << bit);
      // Blanks and NULs around the checksum field's digits mean the same.
      if (at >= 148 && at < 156) return;
      assert.throws(() => walked([copy]), TarError);
    }),
  );
});

test('sizes over 8 GiB: base-256 and pax', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tar-walk-'));
  try {
    const file = join(directory, 'huge');
    writeFileSync(file, '');
    truncateSync(file, 9 * 2 ** 30);
    for (const format of ['gnu', 'pax']) {
      const head = execFileSync(
        'sh',
        ['-c', `tar --format=${format} -C ${directory} -cf - huge | head -c 4096`],
        { maxBuffer: 1 << 20 },
      );
      const walk = new TarWalk();
      walk.push(head);
      assert.equal(walk.counts.files, 1, format);
      assert.throws(() => {
        walk.end();
      }, /middle of a member/);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
