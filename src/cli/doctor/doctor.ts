/** `backuppc-b2 doctor`: checks what could go wrong. Each check prints one line, with the cure. */
import { EXIT_STATUS, asFailure, oneLine } from '../../errors.js';
import { printableJson } from '../../printable.js';
import type { CatalogContext, ExitStatus } from '../context.js';

export interface Finding {
  readonly check: string;
  readonly level: 'ok' | 'warning' | 'failure';
  readonly detail: string;
  /** What to do; empty when ok. */
  readonly cure: string;
}

/** A check gathers its own facts. What it throws becomes a failed finding with the hint as cure. */
export interface Check {
  readonly name: string;
  run(): Promise<readonly Finding[]>;
}

export interface DoctorContext extends CatalogContext {
  /** In display order. A check may depend on earlier ones. */
  doctorChecks(options: DoctorOptions): Promise<readonly Check[]>;
}

export interface DoctorOptions {
  readonly rehearsal: boolean;
  /** BackupPC's. */
  readonly archiveHost: string;
  readonly json: boolean;
}

export async function doctor(context: DoctorContext, options: DoctorOptions): Promise<ExitStatus> {
  const findings: Finding[] = [];
  /** Checks that failed for a reason that is told already. */
  const sameReason: string[] = [];
  for (const check of await context.doctorChecks(options)) {
    const found = await check.run().catch((error: unknown): Finding[] => {
      const failure = asFailure(error);
      // Told to stop: that is no finding.
      if (failure.kind === 'interrupted') throw failure;
      return [
        {
          check: check.name,
          level: 'failure',
          detail: oneLine(failure.message),
          cure: oneLine(failure.hint ?? ''),
        },
      ];
    });
    const isTold = ({ detail, level }: Finding): boolean =>
      level === 'failure' && findings.some((told) => told.detail === detail);
    if (found.length > 0 && found.every(isTold)) {
      sameReason.push(check.name);
      continue;
    }
    findings.push(...found);
    if (!options.json) for (const finding of found) context.out.write(findingLine(finding));
  }
  const failures = findings.filter(({ level }) => level === 'failure').length;
  const warnings = findings.filter(({ level }) => level === 'warning').length;
  if (options.json) {
    context.out.write(
      `${printableJson({ ok: failures === 0, failures, warnings, findings, sameReason }, 2)}\n`,
    );
  } else {
    if (sameReason.length > 0)
      context.out.write(`not looked at, for the same reason: ${sameReason.join(', ')}\n`);
    context.out.write(
      failures + warnings === 0
        ? 'Everything is in order.\n'
        : `${failures} failed, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}, ${findings.length} checked.\n`,
    );
  }
  return failures > 0 ? EXIT_STATUS.config : EXIT_STATUS.ok;
}

export function findingLine({ check, level, detail, cure }: Finding): string {
  const cured = cure === '' ? '' : `\n          -> ${cure}`;
  return `${level.padEnd(8)}  ${check}: ${detail}${cured}\n`;
}
