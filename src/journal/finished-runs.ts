/**
 * Which archives this installation has finished, one line of JSON each, in `backuppc-b2-finished.jsonl` of the state directory. Whoever can write to
 * the bucket can put up what looks like an archive; what is counted as one by `delete --keep` stands here, or is proven by its manifest.
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
  // Runs that finish at the same moment do not mix their lines. A torn one before this ends with the first line feed.
  const line = `\n${JSON.stringify({ bucket, name, fileId, sha256 })}\n`;
  await appendDurably(join(directory, FINISHED_RUNS), Buffer.from(line));
}

/** By file ID of COMPLETE. Lines that are none of ours, and directories without a readable file, count for nothing. */
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
