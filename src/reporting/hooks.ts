import { spawn } from 'node:child_process';
import { printableJson } from '../printable.js';
import type { RunNotice, RunSummary } from './summary.js';

const HOOK_TIMEOUT_MS = 60_000;

/**
 * Runs a hook (`--on-start`, `--on-success`, `--on-failure`) with sh, and the summary as one line of JSON on its standard input. Its output goes to ours.
 * @returns what went wrong, if anything: a hook's failure is reported and has no other effect
 */
export async function runHook(command: string, summary: RunSummary | RunNotice): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-c', command], {
      stdio: ['pipe', 'inherit', 'inherit'],
      timeout: HOOK_TIMEOUT_MS,
    });
    child.once('error', (error) => {
      resolve(`hook could not be started: ${error.message}`);
    });
    child.once('close', (status, signal) => {
      resolve(status === 0 ? undefined : `hook ended with ${signal ?? `status ${status ?? 'unknown'}`}`);
    });
    // A hook need not read its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${printableJson(summary)}\n`);
  });
}
