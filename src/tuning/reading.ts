/** How fast this machine reads files as a backup does: many, and none of them cached. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, stat } from 'node:fs/promises';
import { spread } from './sample.js';
import type { Reading } from './figures.js';

export interface ReadSpeedOptions {
  /** The first that has enough files: the pool of BackupPC, else files of the system. */
  readonly directories: readonly string[];
  readonly seconds: number;
  readonly signal: AbortSignal;
}

const FEWEST_FILES = 20;
const PIECE_BYTES = 512 * 1024;
/** Smaller files measure opening, not reading. */
const LEAST_FILE_BYTES = 16 * 1024;
/** Dropped from the cache, then read, together. */
const FILES_AT_ONCE = 50;

interface Tally {
  bytes: number;
  files: number;
  seconds: number;
}

/** @returns undefined where nothing can be read */
export async function measureReading(options: ReadSpeedOptions): Promise<Reading | undefined> {
  const { directories, seconds, signal } = options;
  const began = performance.now();
  for (const directory of directories) {
    const tally: Tally = { bytes: 0, files: 0, seconds: 0 };
    const files = await spread(directory, signal);
    while (files.length > 0 && tally.seconds < seconds && performance.now() - began < 3000 * seconds) {
      const batch = await largeEnough(files.splice(0, FILES_AT_ONCE));
      await dropFromCache(batch, signal);
      await read(batch, seconds, tally, signal);
    }
    if (tally.files >= FEWEST_FILES || (tally.files > 0 && files.length > 0)) {
      return { directory, rate: tally.bytes / tally.seconds, files: tally.files, bytes: tally.bytes };
    }
  }
  return undefined;
}

async function largeEnough(paths: readonly string[]): Promise<string[]> {
  const sizes = await Promise.all(paths.map((path) => stat(path).catch(() => undefined)));
  return paths.filter((_, index) => (sizes[index]?.size ?? 0) >= LEAST_FILE_BYTES);
}

async function read(
  files: readonly string[],
  seconds: number,
  tally: Tally,
  signal: AbortSignal,
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  const before = tally.seconds;
  const began = performance.now();
  for (const path of files) {
    signal.throwIfAborted();
    if (tally.seconds >= seconds) return;
    try {
      const file = await open(path);
      try {
        for (;;) {
          const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
          tally.bytes += bytesRead;
          if (bytesRead === 0) break;
        }
      } finally {
        await file.close();
      }
      tally.files += 1;
    } catch {
      // Not readable: try others.
    }
    tally.seconds = before + (performance.now() - began) / 1000;
  }
}

/** GNU dd drops a file from the cache: `iflag=nocache count=0`. With another dd the figure is that of the cache. */
async function dropFromCache(files: readonly string[], signal: AbortSignal): Promise<void> {
  if (files.length === 0) return;
  const script = 'for file do dd if="$file" iflag=nocache count=0 status=none 2>/dev/null; done';
  const child = spawn('sh', ['-c', script, 'sh', ...files], { stdio: 'ignore', signal });
  const ended = Promise.race([once(child, 'close'), once(child, 'error')]);
  await ended.catch(() => undefined);
}
