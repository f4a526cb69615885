/** Connects the command tree to the commands: opens what a command needs, runs it, keeps its exit status. */
import { InvalidArgumentError, type Command } from 'commander';
import type { Config } from '../config/schema.js';
import { parseBytes } from '../config/values.js';
import type { ExitStatus } from './context.js';
import { configFrom } from './config-options.js';
import type { DoctorContext } from './doctor/doctor.js';
import type { ReportContext } from './report.js';
import type { RestoreContext } from './restore.js';
import type { ScriptContext } from './script.js';

/** Everything that any command needs. */
export interface CompanionContext extends ScriptContext, RestoreContext, DoctorContext, ReportContext {
  readonly config: Config;
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** How a sequential download is divided: ranges in flight, and their size. */
  readonly ranges: { readonly parallel: number; readonly rangeBytes: number };
  close(): Promise<void>;
}

export type OpenContext = (config: Config) => Promise<CompanionContext>;

export interface Wiring {
  /** Runs `work` with a context made from the options that `command` and its parents parsed. */
  run(command: Command, work: (context: CompanionContext) => Promise<ExitStatus>): Promise<void>;
  /** For commands that need no context. */
  setStatus(status: ExitStatus): void;
}

export function wiring(open: OpenContext, setStatus: (status: ExitStatus) => void): Wiring {
  return {
    setStatus,
    async run(command, work) {
      const context = await open(configFrom(command.optsWithGlobals()));
      try {
        setStatus(await work(context));
      } finally {
        if (context.search.hasPassedBy)
          context.out.note(
            `warning: ${context.config.most_unproven} archives and manifests in the bucket proved to be none of ours, and no more were looked at; --most-unproven N looks at more`,
          );
        await context.close();
      }
    },
  };
}

/** Option parsers: invalid values never reach a command. */
export function wholeNumber(min: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!Number.isSafeInteger(value) || value < min)
      throw new InvalidArgumentError(`not a whole number from ${min} on`);
    return value;
  };
}

export function positiveNumber(max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
    if (!(value >= 0 && value <= max)) throw new InvalidArgumentError(`not a number from 0 to ${max}`);
    return value;
  };
}

export function byteCount(text: string): number {
  const value = parseBytes(text);
  if (value === undefined || value < 1) throw new InvalidArgumentError('not a size such as 8M');
  return value;
}

export function collected(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}
