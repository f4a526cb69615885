/** Measures a case in a separate process with the same Node, flags and allocator settings. */
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Failure } from '../errors.js';
import { CASE_PROCESS } from '../files.js';
import type { CaseReply } from './case-process.js';
import type { Outcome } from './figures.js';
import type { CaseOrder } from './run-case.js';

const PROCESS_FILE = fileURLToPath(CASE_PROCESS);
const SAMPLE_EVERY_MS = 25;

/** A case that takes much longer than planned is left out. Starting threads and one large chunk must fit. */
function patienceMs(seconds: number): number {
  return 1000 * (8 * seconds + 30);
}

/** @throws the signal's reason */
export function measure(order: CaseOrder, signal: AbortSignal): Promise<Outcome> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = fork(PROCESS_FILE, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    let childrenPeak = 0;
    const sampler = setInterval(() => {
      childrenPeak = Math.max(childrenPeak, childrenBytes(child.pid ?? 0));
    }, SAMPLE_EVERY_MS);
    const impatience = setTimeout(() => {
      settle(() => {
        resolve({ kind: 'left-out', reason: 'too slow here' });
      });
    }, patienceMs(order.seconds));
    const onAbort = (): void => {
      settle(() => {
        // The caller gets back the reason that it gave itself.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(signal.reason);
      });
    };
    const settle = (finish: () => void): void => {
      clearInterval(sampler);
      clearTimeout(impatience);
      signal.removeEventListener('abort', onAbort);
      child.removeAllListeners();
      child.on('error', () => undefined);
      child.kill('SIGKILL');
      finish();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    child.once('message', (reply: CaseReply) => {
      settle(() => {
        if (reply.ok) {
          const peakBytes = reply.peakBytes === undefined ? undefined : reply.peakBytes + childrenPeak;
          resolve({ kind: 'measured', ...reply.result, peakBytes });
        } else resolve({ kind: 'left-out', reason: reply.reason });
      });
    });
    child.once('error', (cause) => {
      settle(() => {
        reject(new Failure('local', `cannot start a process: ${cause.message}`, { cause }));
      });
    });
    child.once('exit', (status, killedBy) => {
      settle(() => {
        resolve({ kind: 'left-out', reason: `its process ended with ${killedBy ?? String(status)}` });
      });
    });
    child.send(order);
  });
}

/** Resident memory of a process's children, if the system tells. */
function childrenBytes(pid: number): number {
  try {
    const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
    return pids.reduce((sum, one) => sum + residentBytes(one), 0);
  } catch {
    return 0;
  }
}

function residentBytes(pid: string): number {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
    return Number(kib ?? 0) * 1024;
  } catch {
    return 0;
  }
}
