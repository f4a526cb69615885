import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock.js';
import { asFailure, Failure, oneLine } from '../errors.js';
import type { Emit } from '../events.js';
import { parseLimitSpec } from './limit.js';
import type { LimitSpec } from './limit.js';
import { SPEED_FILE } from './rate.js';

/** How often the file is read. Polled, because watches miss changes on network file systems and by editors that rename. */
const LOOK_MS = 1000;
/** A limit is a few lines; anything larger must be some other file. */
const MAX_CHARACTERS = 64 * 1024;

/**
 * Parses the contents of `--bwlimit-file`: anything that `--bwlimit` accepts, on several lines and with `#` comments. A number without a unit
 * is in kbit/s, as in the speed file of the Python scripts.
 *
 * @throws Failure `usage`
 */
export function parseLimitFile(text: string): LimitSpec {
  if (text.length > MAX_CHARACTERS)
    throw new Failure('usage', 'bandwidth limit: the file is too long to be one');
  return parseLimitSpec(text.replace(/#.*$/gm, '').replace(/\s+/g, ' '), SPEED_FILE);
}

/** @throws Failure `config` naming the file */
export async function readLimitFile(path: string): Promise<LimitSpec> {
  try {
    return parseLimitFile(await readText(path));
  } catch (error) {
    throw unusable(path, error);
  }
}

export interface LimitFileOptions {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Gets each new limit, and a reason that names the file. */
  readonly onChange: (spec: LimitSpec, reason: string) => void;
  /** Reads the file; injected by tests. */
  readonly read?: (path: string) => Promise<string>;
}

/**
 * Reads the file at once and then every second until aborted, and passes on each new limit. A missing or invalid file changes nothing and
 * is reported once.
 */
export async function watchLimitFile(path: string, options: LimitFileOptions): Promise<void> {
  const { clock, emit, signal, onChange, read = readText } = options;
  let last: string | undefined;
  for (;;) {
    let seen: string;
    try {
      const text = await read(path);
      seen = `text ${text}`;
      if (seen !== last && !signal.aborted) onChange(parseLimitFile(text), `from ${path}`);
    } catch (error) {
      const problem = unusable(path, error).message;
      seen = `problem ${problem}`;
      if (seen !== last && !signal.aborted)
        emit({ type: 'warning', message: `${problem}; the limit stays as it is` });
    }
    last = seen;
    if (signal.aborted) return;
    try {
      await clock.sleep(LOOK_MS, signal);
    } catch {
      return;
    }
  }
}

function readText(path: string): Promise<string> {
  return readFile(path, 'utf8');
}

function unusable(path: string, error: unknown): Failure {
  const { message, hint } = asFailure(error);
  return new Failure('config', oneLine(`bandwidth limit file ${path}: ${message}`), {
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}
