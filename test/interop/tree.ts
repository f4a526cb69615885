import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createCipheriv } from 'node:crypto';
import { dirname, join, relative } from 'node:path';

/** Bytes that no compression or encoding leaves unchanged, the same for the same seed. */
export function noise(bytes: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

/** Names that need care in headers and paths, and sizes around one part of 5 MiB and around two. */
export const TREE: Readonly<Record<string, Buffer>> = {
  empty: Buffer.of(),
  'plain.txt': Buffer.from('hello\n'),
  'with space & + % # ? ; = @ name': noise(1000, 1),
  'Größe/日本/🙂': noise(70_000, 2),
  'host.12.tar.gz.aa.gpg': noise(5 * 1024 * 1024, 3),
  'host.12.tar.gz.ab.gpg': noise(5 * 1024 * 1024 + 1, 4),
  'big/two-parts': noise(10 * 1024 * 1024 + 1, 5),
  'big/many-parts': noise(31_234_567, 6),
};

export function writeTree(directory: string, tree: Readonly<Record<string, Buffer>>): void {
  for (const [name, content] of Object.entries(tree)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

/** Files below a directory, by relative path. */
export function readTree(directory: string): Record<string, Buffer> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return Object.fromEntries(
    entries.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(directory, path), readFileSync(path)];
    }),
  );
}

/** Fails with the name of the first difference; a dump of megabytes helps nobody. */
export function assertSameTree(
  actual: Readonly<Record<string, Buffer>>,
  expected: Readonly<Record<string, Buffer>>,
): void {
  const names = [...new Set([...Object.keys(actual), ...Object.keys(expected)])];
  for (const name of names) {
    const [ours, theirs] = [actual[name], expected[name]];
    if (ours === undefined) throw new Error(`${name} is missing`);
    if (theirs === undefined) throw new Error(`${name} should not be there`);
    if (!ours.equals(theirs))
      throw new Error(`${name} differs (${ours.length} bytes, expected ${theirs.length})`);
  }
}
