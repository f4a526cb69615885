/** What hooks are told of a run that has not ended: that it begins, or that it could not. */
import { systemClock } from '../../clock.js';
import type { Config } from '../../config/schema.js';
import { oneLine, type Failure } from '../../errors.js';
import type { Emit } from '../../events.js';
import { Reporter } from '../../reporting/reporter.js';
import type { RunNotice } from '../../reporting/summary.js';
import { PROGRAM } from '../../version.js';
import { tellHook } from './notify.js';

/** What a door learned before it failed: whom to tell, and of what. */
export interface Learned {
  onFailure?: string | undefined;
  host?: string | undefined;
  number?: number | undefined;
}

/** A run that could not begin is a failed one for whoever waits for the hook. */
export async function tellNotBegun(learned: Learned, failure: Failure, emit?: Emit): Promise<void> {
  const { exitStatus, message } = failure;
  const notice = noticeOf(learned, { state: 'failed', reasons: [oneLine(message)], exitStatus });
  await tellHook(learned.onFailure, notice, emit ?? newReporter(undefined).emit);
}

export function noticeOf(
  {
    host = '',
    number,
    bucket = '',
  }: { host?: string | undefined; number?: number | undefined; bucket?: string | undefined },
  how: Pick<RunNotice, 'state' | 'reasons' | 'exitStatus'>,
): RunNotice {
  const startedAt = new Date(systemClock.now()).toISOString();
  return { program: PROGRAM, host, number: number ?? null, startedAt, bucket, ...how };
}

export function newReporter(config: Config | undefined): Reporter {
  return new Reporter({
    verbosity: config?.quiet === true ? 'quiet' : config?.verbose === true ? 'verbose' : 'normal',
    format: config?.log_format ?? 'text',
    syslog: config?.syslog ?? false,
    out: process.stdout,
    clock: systemClock,
  });
}
