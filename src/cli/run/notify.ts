import type { Config } from '../../config/schema.js';
import { asFailure, cannotWrite } from '../../errors.js';
import type { Emit } from '../../events.js';
import { remember } from '../../reporting/history.js';
import { runHook } from '../../reporting/hooks.js';
import { writeMetrics } from '../../reporting/metrics.js';
import type { RunNotice, RunSummary } from '../../reporting/summary.js';

/** History, metrics and hooks. Their failures are reported, and do not affect the archive. */
export async function notify(
  { config, stateDirectory }: { readonly config: Config; readonly stateDirectory: string },
  summary: RunSummary,
  emit: Emit,
): Promise<void> {
  const { metrics_file: metricsFile, on_success: onSuccess, on_failure: onFailure } = config;
  const warn = (message: string): void => {
    emit({ type: 'warning', message });
  };
  await remember(stateDirectory, { type: 'archive', ...summary }).catch((error: unknown) => {
    warn(`history: ${asFailure(error).message}`);
  });
  if (metricsFile !== undefined) {
    await writeMetrics(metricsFile, summary).catch((error: unknown) => {
      warn(`metrics file: ${cannotWrite(metricsFile, error).message}`);
    });
  }
  const hook = summary.state === 'finished' ? onSuccess : onFailure;
  if (hook === undefined) return;
  const problem = await runHook(hook, summary);
  if (problem !== undefined) warn(problem);
}

/** `on_start`, or `on_failure` of a run that could not begin. */
export async function tellHook(hook: string | undefined, notice: RunNotice, emit: Emit): Promise<void> {
  if (hook === undefined) return;
  const problem = await runHook(hook, notice);
  if (problem !== undefined) emit({ type: 'warning', message: problem });
}
