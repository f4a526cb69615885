/** The sample for the codecs: files of this machine, or a file that the user names. */
import { mkdtemp, open, opendir, rm, stat, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asFailure, Failure } from '../errors.js';

export interface Sample {
  readonly path: string;
  readonly bytes: number;
  /** Of what it is. */
  readonly description: string;
  remove(): Promise<void>;
}

const MIB = 1024 * 1024;

/** Programs, settings, documentation, fonts, pictures: some compress well, some not at all. */
const TREES = ['/usr/lib', '/usr/share', '/etc', '/usr/bin'];
const SAMPLE_BYTES = 48 * MIB;
/** At most this much of one file, so that every few MiB of the sample are a mix: slow codecs see no more than that. */
const MOST_OF_A_FILE = MIB / 2;
/** Tar's blocks. */
const BLOCK = 512;
const FILES_LOOKED_AT = 20_000;

export async function ownSample(path: string): Promise<Sample> {
  const { size } = await stat(path).catch((error: unknown) => {
    throw new Failure('usage', `--sample ${path}: ${asFailure(error).message}`);
  });
  if (size === 0) throw new Failure('usage', `--sample ${path} is empty`);
  return { path, bytes: size, description: path, remove: () => Promise.resolve() };
}

/** @throws Failure `local` if there are no files, or no room for them */
export async function mixedSample(signal: AbortSignal): Promise<Sample> {
  const directory = await mkdtemp(join(tmpdir(), 'backuppc-b2-bench-'));
  const remove = (): Promise<void> => rm(directory, { recursive: true, force: true });
  try {
    const path = join(directory, 'sample');
    const output = await open(path, 'wx', 0o600);
    let bytes = 0;
    try {
      const trees = await Promise.all(TREES.map((tree) => spread(tree, signal)));
      bytes = await take(inTurn(trees), SAMPLE_BYTES, output, signal);
    } finally {
      await output.close();
    }
    if (bytes === 0) throw new Failure('local', `no files to read under ${TREES.join(', ')}`);
    return { path, bytes, description: `files of ${TREES.join(', ')}`, remove };
  } catch (error) {
    await remove();
    throw error instanceof Failure || signal.aborted
      ? error
      : new Failure('local', `cannot make a sample in ${tmpdir()}: ${asFailure(error).message}`, {
          hint: 'set TMPDIR, or give --sample FILE',
          cause: error,
        });
  }
}

/** Regular files of a tree, a few of each directory in turn, always in the same order. */
export async function spread(tree: string, signal: AbortSignal): Promise<string[]> {
  const files: string[] = [];
  const directories = [tree];
  for (let next = directories.shift(); next !== undefined; next = directories.shift()) {
    signal.throwIfAborted();
    const entries = await entriesOf(next);
    for (const { name, isFile, isDirectory } of entries) {
      if (isDirectory) directories.push(join(next, name));
      else if (isFile) files.push(join(next, name));
    }
    if (files.length >= FILES_LOOKED_AT) break;
  }
  // A fixed stride that visits every file once: neighbours are alike.
  const stride = files.length < 5 ? 1 : strideFor(files.length);
  return files.map((_, index) => files[(index * stride) % files.length] ?? '');
}

/** The first of each list, the second of each list, and so on. */
function* inTurn(lists: readonly (readonly string[])[]): Generator<string, void, undefined> {
  const longest = Math.max(...lists.map(({ length }) => length));
  for (let index = 0; index < longest; index++) {
    for (const list of lists) {
      const item = list[index];
      if (item !== undefined) yield item;
    }
  }
}

function strideFor(count: number): number {
  let stride = Math.floor(count * 0.618);
  while (gcd(stride, count) !== 1) stride += 1;
  return stride;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

async function entriesOf(
  directory: string,
): Promise<{ name: string; isFile: boolean; isDirectory: boolean }[]> {
  const entries: { name: string; isFile: boolean; isDirectory: boolean }[] = [];
  try {
    for await (const entry of await opendir(directory)) {
      entries.push({ name: entry.name, isFile: entry.isFile(), isDirectory: entry.isDirectory() });
    }
  } catch {
    // Not readable, or gone: try others.
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Copies files, as tar would: a header of one block, the contents padded to blocks. */
async function take(
  files: Iterable<string>,
  mostBytes: number,
  output: FileHandle,
  signal: AbortSignal,
): Promise<number> {
  const buffer = Buffer.alloc(BLOCK + MOST_OF_A_FILE + BLOCK);
  let bytes = 0;
  for (const path of files) {
    signal.throwIfAborted();
    if (bytes >= mostBytes) break;
    buffer.fill(0, 0, BLOCK);
    buffer.write(path.slice(-99), 0, 'latin1');
    const length = await readInto(path, buffer.subarray(BLOCK, BLOCK + MOST_OF_A_FILE));
    if (length === 0) continue;
    buffer.write(`0000644 0000000 0000000 ${length.toString(8).padStart(11, '0')} `, 100, 'latin1');
    const end = BLOCK + Math.ceil(length / BLOCK) * BLOCK;
    buffer.fill(0, BLOCK + length, end);
    await output.write(buffer, 0, end);
    bytes += end;
  }
  return bytes;
}

async function readInto(path: string, target: Uint8Array): Promise<number> {
  let file: FileHandle | undefined;
  try {
    file = await open(path);
    return (await file.read(target, 0, target.length, 0)).bytesRead;
  } catch {
    return 0;
  } finally {
    await file?.close();
  }
}
