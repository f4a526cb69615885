/**
 * The archives that this installation has finished, one line of JSON each, in `backuppc-b2-finished.jsonl` of the state directory. Anybody who
 * can write to the bucket can upload what looks like an archive; `delete --keep` counts only those recorded here or proven by their manifest.
 */
import { join } from 'node:path';
import * as v from 'valibot';
import { appendDurably, readTrustedFile } from '../own-files.js';

export const FINISHED_RUNS = 'backuppc-b2-finished.jsonl';

export interface FinishedRun {
  readonly bucket: string;
  /** Name, file ID and hex SHA-256 of the archive's COMPLETE. */
  readonly name: string;
  readonly fileId: string;
  readonly sha256: string;
}

const finishedRun = v.object({
  bucket: v.string(),
  name: v.string(),
  fileId: v.string(),
  sha256: v.string(),
});

/** Durable when it resolves. @throws Failure `local` */
export async function recordFinished(
  directory: string,
  { bucket, name, fileId, sha256 }: FinishedRun,
): Promise<void> {
  // One write, so that concurrent runs do not mix their lines. The leading line feed ends a torn line before it.
  const line = `\n${JSON.stringify({ bucket, name, fileId, sha256 })}\n`;
  await appendDurably(join(directory, FINISHED_RUNS), Buffer.from(line));
}

/** By file ID of COMPLETE. Invalid lines and directories without a readable file are ignored. */
export async function finishedRuns(directories: readonly string[]): Promise<Map<string, FinishedRun>> {
  const runs = new Map<string, FinishedRun>();
  for (const directory of directories) {
    const text = await readTrustedFile(join(directory, FINISHED_RUNS));
    for (const line of text?.toString('utf8').split('\n') ?? []) {
      const run = parsed(line);
      if (run !== undefined) runs.set(run.fileId, run);
    }
  }
  return runs;
}

function parsed(line: string): FinishedRun | undefined {
  try {
    const result = v.safeParse(finishedRun, JSON.parse(line));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}
