import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { formatNamed } from '../../src/compression/formats.js';
import { indexMember, type IndexLine, type RestartPoint } from '../../src/members/index-text.js';
import type { DataReader } from '../../src/restore/data-reader.js';
import { pickMembers } from '../../src/restore/pick-members.js';
import { planRuns, Selection } from '../../src/restore/selection.js';
import { TarReader } from '../../src/tar/reader.js';
import type { TarMember } from '../../src/tar/member.js';
import { makeTar, withTree } from '../tar/gnu-tar.js';

const NAMES = Array.from({ length: 12 }, (_, i) => `f${i}`);
const tar = withTree(
  NAMES.map((name, i) => ({
    name: Buffer.from(name),
    depth: 0,
    node: { kind: 'file' as const, bytes: (i * 7919) % 9000, mtime: 1_700_000_000 },
  })),
  (parent) => makeTar(parent, ['--sort=name']),
);
const members: readonly TarMember[] = new TarReader().push(tar);

/** As a layout would store it: cut at `cuts`, each piece a stream of its own. */
interface Stored {
  readonly data: readonly Buffer[];
  readonly points: readonly RestartPoint[];
}

function stored(cuts: readonly number[], packed: boolean, inVolumes: boolean): Stored {
  const starts = [0, ...cuts];
  const pieces = starts.map((from, i) => tar.subarray(from, starts[i + 1] ?? tar.length));
  const data = pieces.map((piece) => (packed ? gzipSync(piece) : Buffer.from(piece)));
  let at = 0;
  const points = starts.map((tarOffset, volume): RestartPoint => {
    const point = inVolumes
      ? { tarOffset, volume, streamOffset: 0 }
      : { tarOffset, volume: undefined, streamOffset: at };
    at += data[volume]?.length ?? 0;
    return point;
  });
  return { data, points };
}

// eslint-disable-next-line @typescript-eslint/require-await -- as the index comes
async function* lines(points: readonly RestartPoint[]): AsyncGenerator<IndexLine> {
  for (const member of members) {
    for (const point of points) if (point.tarOffset === member.offset) yield { kind: 'point', ...point };
    const volume = points.findLast((point) => point.tarOffset <= member.offset && point.volume !== undefined);
    yield { kind: 'member', ...indexMember(member, volume?.volume, volume?.tarOffset ?? 0) };
  }
  yield { kind: 'end', members: members.length, tarBytes: tar.length };
}

describe('members are found again, whatever the layout', () => {
  for (const [packed, inVolumes] of [
    [false, true],
    [true, true],
    [true, false],
  ] as const) {
    it(`${packed ? 'packed' : 'plain'}, ${inVolumes ? 'volumes of their own' : 'one stream'}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.subarray(members.slice(1).map(({ offset }) => offset)),
          fc.subarray([...NAMES], { minLength: 1 }),
          fc.constantFrom(0, 3000, 1e9),
          fc.integer({ min: 1, max: 5000 }),
          async (cuts, names, joinBytes, sliceBytes) => {
            const { data, points } = stored(cuts, packed, inVolumes);
            const selection = new Selection((path) =>
              names.some((name) => Buffer.from(path).toString().endsWith(name)),
            );
            while (await selection.take(lines(points)));
            const facts = {
              dataBytes: data.map(({ length }) => length),
              plain: !packed,
              points: selection.points,
              joinBytes,
            };
            const runs = planRuns(selection.members, facts);
            const whole = Buffer.concat(data);
            const reader: DataReader = {
              // eslint-disable-next-line @typescript-eslint/require-await -- bytes at hand
              async *read(ranges) {
                for (const { from, to } of ranges) {
                  for (let at = from; at < to; at += sliceBytes)
                    yield { bytes: whole.subarray(at, Math.min(to, at + sliceBytes)), end: false };
                  yield { bytes: new Uint8Array(0), end: true };
                }
              },
            };
            const written: Uint8Array[] = [];
            const sink = {
              write: (bytes: Uint8Array) => {
                written.push(Uint8Array.from(bytes));
                return Promise.resolve();
              },
              finish: () => Promise.resolve(),
              abort: () => Promise.resolve(),
            };
            await pickMembers(sink, { reader, runs, format: packed ? formatNamed('gzip') : undefined });
            const wanted = members.filter(({ path }) =>
              names.some((name) => Buffer.from(path).toString().endsWith(name)),
            );
            const expected = [
              ...wanted.map(({ offset, end }) => tar.subarray(offset, end)),
              Buffer.alloc(1024),
            ];
            assert.ok(Buffer.concat(written).equals(Buffer.concat(expected)));
          },
        ),
        { numRuns: packed ? 15 : 60 },
      );
    });
  }

  it('what the index promises and the tar does not have is damage', async () => {
    const selection = new Selection(() => true);
    await selection.take(lines([]));
    const runs = planRuns(selection.members, {
      dataBytes: [tar.length],
      plain: true,
      points: [],
      joinBytes: 0,
    });
    const reading = (bytes: Buffer): DataReader => ({
      // eslint-disable-next-line @typescript-eslint/require-await -- bytes at hand
      async *read() {
        yield { bytes, end: true };
      },
    });
    const nowhere = {
      write: () => Promise.resolve(),
      finish: () => Promise.resolve(),
      abort: () => Promise.resolve(),
    };
    const other = execFileSync('tar', ['-C', '/', '-cf', '-', 'etc/passwd', 'etc/group', 'etc/fstab']);
    for (const bytes of [tar.subarray(0, 5000), other, Buffer.concat([other, tar])])
      await assert.rejects(pickMembers(nowhere, { reader: reading(bytes), runs, format: undefined }), {
        kind: 'damaged',
      });
  });
});
