/** A tar with gaps: what comes out is a tar, members outside of the gaps are whole, those inside are named or counted. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { TarSalvage } from '../../src/restore/tar-salvage.js';
import { TarReader } from '../../src/tar/reader.js';

const directory = mkdtempSync(join(tmpdir(), 'salvage-'));
after(() => {
  rmSync(directory, { recursive: true });
});
const source = join(directory, 'source');
mkdirSync(source);
for (let file = 0; file < 12; file++)
  writeFileSync(join(source, `${'long'.repeat(file % 4 === 0 ? 40 : 1)}${file}`), randomBytes(file * 700));

interface Piece {
  readonly from: number;
  readonly to: number;
}

/** The tar but for [from, to); in slices of `slice` bytes. */
function salvaged(tar: Buffer, { from, to }: Piece, known: boolean, slice: number): [Buffer, TarSalvage] {
  const salvage = new TarSalvage();
  const out: Buffer[] = [];
  const take = (pieces: Iterable<Uint8Array>): void => {
    for (const piece of pieces) out.push(Buffer.from(piece));
  };
  const push = (bytes: Buffer): void => {
    for (let at = 0; at < bytes.length; at += slice) take(salvage.push(bytes.subarray(at, at + slice)));
  };
  push(tar.subarray(0, from));
  take(salvage.gap(known ? to - from : undefined));
  push(tar.subarray(to));
  take(salvage.end());
  return [Buffer.concat(out), salvage];
}

for (const format of ['gnu', 'pax'] as const) {
  describe(`a ${format} tar with a gap`, () => {
    const tar = execFileSync('tar', ['--sort=name', `--format=${format}`, '-C', source, '-cf', '-', '.']);
    const reader = new TarReader();
    const members = reader.push(tar);

    test('a whole one passes unchanged, in slices of any size', () => {
      for (const slice of [1, 511, 512, 100_000]) {
        const [out, { cut, unnamed }] = salvaged(tar, { from: 0, to: 0 }, true, slice);
        assert.ok(out.equals(tar));
        assert.deepEqual([cut, unnamed], [[], 0]);
      }
    });

    test('any gap: members that it does not touch are whole, those it cuts are named', () => {
      fc.assert(
        fc.property(
          fc.nat(tar.length - 1),
          fc.integer({ min: 1, max: 20_000 }),
          fc.boolean(),
          fc.constantFrom(512, 3000, 100_000),
          (from, bytes, known, slice) => {
            const to = Math.min(tar.length, from + bytes);
            const [out, salvage] = salvaged(tar, { from, to }, known, slice);
            const again = new TarReader();
            const kept = new Map(
              again.push(out).map((member) => [Buffer.from(member.path).toString(), member]),
            );
            assert.equal(again.outcome.kind, 'whole');
            const cut = new Set(salvage.cut.map(({ path }) => Buffer.from(path).toString()));
            for (const { path, offset, end, headerBytes, dataBytes } of members) {
              const name = Buffer.from(path).toString();
              const data = tar.subarray(offset + headerBytes, offset + headerBytes + dataBytes);
              const untouched = to <= offset || from >= offset + headerBytes + dataBytes;
              const found = kept.get(name);
              // A header that begins in the gap and is whole behind it may be lost with the one before it (pax, long names).
              if (untouched && (end <= from || offset >= to)) assert.ok(found, name);
              if (found === undefined) continue;
              const start = found.offset + found.headerBytes;
              const same = out.subarray(start, start + found.dataBytes).equals(data);
              assert.ok(same || cut.has(name), `${name} is damaged and not named`);
            }
          },
        ),
        { numRuns: 300 },
      );
    });

    test('GNU tar takes what comes out', () => {
      const middle = members[6];
      assert.ok(middle);
      const from = middle.offset + middle.headerBytes + 100;
      const [out, { cut }] = salvaged(tar, { from, to: from + 5000 }, false, 1000);
      const target = mkdtempSync(join(directory, 'out-'));
      const { status, stderr } = spawnSync('tar', ['-xpf', '-', '-C', target], {
        input: out,
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      assert.deepEqual(
        cut.map(({ path, from: at }) => [Buffer.from(path).toString(), at]),
        [[Buffer.from(middle.path).toString(), 100]],
      );
      const restored = readdirSync(target).filter(
        (name) => !name.endsWith(Buffer.from(middle.path).toString().slice(2)),
      );
      assert.ok(restored.length > 6);
      for (const name of restored) {
        assert.ok(existsSync(join(source, name)));
        assert.ok(readFileSync(join(target, name)).equals(readFileSync(join(source, name))), name);
      }
    });
  });
}

test('random octets are never taken for members, and always end in a tar', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.boolean(), (bytes, gap) => {
      const salvage = new TarSalvage();
      const out = [
        ...salvage.push(bytes),
        ...(gap ? salvage.gap(undefined) : []),
        ...salvage.push(bytes),
        ...salvage.end(),
      ];
      const reader = new TarReader();
      assert.deepEqual(reader.push(Buffer.concat(out.map((piece) => Buffer.from(piece)))), []);
      assert.equal(reader.outcome.kind, 'whole');
    }),
  );
});
