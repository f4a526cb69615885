/** Trees on disk, and what GNU tar makes and says of them. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';

export type Node =
  | { readonly kind: 'file'; readonly bytes: number; readonly mtime: number }
  | { readonly kind: 'sparse'; readonly bytes: number; readonly islands: readonly number[] }
  | { readonly kind: 'directory' }
  | { readonly kind: 'hard' }
  | { readonly kind: 'soft'; readonly target: Uint8Array }
  | { readonly kind: 'fifo' };

export interface Entry {
  /** Octets of one path component. */
  readonly name: Uint8Array;
  readonly depth: number;
  readonly node: Node;
}

const ISLAND = 'x'.repeat(4096);

/** What Linux takes as a name: no NUL, no slash; odd octets, blanks, newlines and backslashes often. */
const component = fc
  .array(
    fc.oneof(
      { weight: 5, arbitrary: fc.integer({ min: 0x61, max: 0x7a }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 255 }).filter((octet) => octet !== 0x2f) },
      { weight: 1, arbitrary: fc.constantFrom(0x0a, 0x20, 0x5c, 0x2a, 0x3d) },
    ),
    { minLength: 1, maxLength: 120 },
  )
  .map((octets) => Uint8Array.from(octets))
  .filter((octets) => !['.', '..'].includes(Buffer.from(octets).toString('latin1')));

const node: fc.Arbitrary<Node> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('file' as const),
      bytes: fc.oneof(fc.nat(1500), fc.constantFrom(0, 511, 512, 513, 10_240, 70_000)),
      mtime: fc.integer({ min: -86_400, max: 4_000_000_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('sparse' as const),
      bytes: fc.integer({ min: 0, max: 40_000_000 }),
      islands: fc.array(fc.nat(9000), { maxLength: 40 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: 'directory' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'hard' as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('soft' as const), target: component }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'fifo' as const }) },
);

export const tree: fc.Arbitrary<Entry[]> = fc.array(fc.record({ name: component, depth: fc.nat(4), node }), {
  minLength: 1,
  maxLength: 12,
});

/** Writes the tree into a new directory `root` under a temporary one, and removes that afterwards. */
export function withTree<T>(entries: readonly Entry[], use: (parent: string) => T): T {
  const parent = mkdtempSync(join(tmpdir(), 'tar-tree-'));
  try {
    const directories: Buffer[] = [Buffer.from(join(parent, 'root'))];
    mkdirSync(join(parent, 'root'));
    let file: Buffer | undefined;
    for (const [index, { name, depth, node: what }] of entries.entries()) {
      const within = directories[Math.min(depth, directories.length - 1)];
      if (within === undefined) continue;
      // Numbered: no two are the same.
      const path = Buffer.concat([within, Buffer.from(`/${index}`), name]);
      switch (what.kind) {
        case 'file':
          writeFileSync(path, Buffer.alloc(what.bytes, index + 1));
          utimesSync(path, what.mtime, what.mtime);
          file = path;
          break;
        case 'sparse': {
          const opened = openSync(path, 'w');
          ftruncateSync(opened, what.bytes);
          for (const island of what.islands)
            if ((island + 1) * 4096 <= what.bytes) writeSync(opened, ISLAND, island * 4096);
          closeSync(opened);
          break;
        }
        case 'directory':
          mkdirSync(path);
          directories.push(path);
          break;
        case 'hard':
          if (file !== undefined) linkSync(file, path);
          break;
        case 'soft':
          symlinkSync(Buffer.from(what.target), path);
          break;
        case 'fifo':
          execFileSync('python3', [
            '-c',
            'import os,sys; os.mkfifo(os.fsencode(bytes.fromhex(sys.argv[1])))',
            path.toString('hex'),
          ]);
          break;
      }
    }
    return use(parent);
  } finally {
    rmSync(parent, { recursive: true });
  }
}

export function makeTar(parent: string, words: readonly string[]): Buffer {
  return execFileSync('tar', [...words, '-C', parent, '-cf', '-', 'root'], {
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** `tar -t`, one path each, as octets. */
export function listed(tar: Uint8Array, words: readonly string[] = []): string[] {
  const text = execFileSync('tar', [...words, '--quoting-style=escape', '-tf', '-'], {
    input: tar,
    maxBuffer: 1 << 26,
  });
  return text.toString('latin1').split('\n').slice(0, -1);
}
