/** What stops an archive from outside. What the store has by then is kept. */
import { EXIT_STATUS, Failure } from '../../errors.js';
import { formatDuration } from '../../reporting/progress.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const HINT = 'run the archive again: it goes on where it stopped';
/** The longest time that a timer accepts. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * SIGINT, SIGTERM and SIGHUP stop cleanly, well within the second that BackupPC allows; a second signal stops at once.
 * @returns to be called when there is nothing left to stop
 */
export function stopOnSignals(stop: AbortController): () => void {
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(EXIT_STATUS.interrupted);
    stop.abort(new Failure('interrupted', `stopped by ${signal}; what B2 has is kept`, { hint: HINT }));
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  };
}

export function stopAfter(deadlineMs: number, stop: AbortController): void {
  const onTime = (): void => {
    const after = formatDuration(deadlineMs);
    stop.abort(
      new Failure('interrupted', `stopped by --deadline after ${after}; what B2 has is kept`, { hint: HINT }),
    );
  };
  setTimeout(onTime, Math.min(deadlineMs, MAX_TIMER_MS)).unref();
}
