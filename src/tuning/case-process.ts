/** The process that runs one case: the order and the result are messages. */
import { readFileSync } from 'node:fs';
import { asFailure } from '../errors.js';
import { runCase, type CaseOrder, type CaseResult } from './run-case.js';

export type CaseReply =
  | { readonly ok: true; readonly result: CaseResult; readonly peakBytes: number | undefined }
  | { readonly ok: false; readonly reason: string };

process.once('message', (order: CaseOrder) => {
  void answer(order).then((reply) => {
    process.send?.(reply, () => {
      process.exit(0);
    });
  });
});

async function answer(order: CaseOrder): Promise<CaseReply> {
  try {
    const result = await runCase(order);
    return { ok: true, result, peakBytes: ownPeakBytes() };
  } catch (error) {
    return { ok: false, reason: asFailure(error).message };
  }
}

/** Not `maxRSS` of getrusage, which includes the parent's memory before exec. */
function ownPeakBytes(): number | undefined {
  try {
    const kib = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined;
  }
}
