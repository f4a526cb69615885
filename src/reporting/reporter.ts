/** Passes events to the sinks, filtered by verbosity, and reports progress now and then. */
import type { Writable } from 'node:stream';
import type { Clock } from '../clock.js';
import { oneLine, type Failure } from '../errors.js';
import type { RunEvent } from '../events.js';
import { describe, type Level, type LogLine } from './describe.js';
import { REDRAW_MS } from './last-line.js';
import { progressFields, type Progress } from './progress.js';
import { jsonSink, syslogSink, terminalSink, textSink, type LogSink } from './sinks.js';

const MINUTE_MS = 60_000;

export interface ReporterOptions {
  readonly verbosity: 'quiet' | 'normal' | 'verbose';
  readonly format: 'text' | 'json';
  readonly syslog: boolean;
  readonly out: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly clock: Clock;
}

/** Time until the next progress line in a log: short at first, long in the twentieth hour. */
export function heartbeatMs(elapsedMs: number): number {
  if (elapsedMs < 10 * MINUTE_MS) return MINUTE_MS;
  return elapsedMs < 120 * MINUTE_MS ? 10 * MINUTE_MS : 60 * MINUTE_MS;
}

const SHOWN: Readonly<Record<ReporterOptions['verbosity'], readonly Level[]>> = {
  quiet: ['error', 'warning'],
  normal: ['error', 'warning', 'notice'],
  verbose: ['error', 'warning', 'notice', 'detail'],
};

export class Reporter {
  #sinks: LogSink[];
  readonly #levels: readonly Level[];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ReporterOptions) {
    this.#levels = SHOWN[options.verbosity];
    const { out, clock } = options;
    const main =
      options.format === 'json'
        ? jsonSink(out, clock)
        : out.isTTY === true
          ? terminalSink(out)
          : textSink(out, clock);
    this.#sinks = options.syslog ? [main, syslogSink('backuppc-b2')] : [main];
  }

  readonly emit = (event: RunEvent): void => {
    this.#line(describe(event));
  };

  /** The usual output is no longer read: continues elsewhere. */
  redirect(sink: LogSink): void {
    this.#sinks = [sink, ...this.#sinks.slice(1)];
  }

  /** Reports progress from now on: redrawn on a terminal, occasional lines elsewhere. */
  follow(snapshot: () => Progress): void {
    const drawn = this.#sinks.some((sink) => sink.progress !== undefined);
    const show = (): void => {
      const progress = snapshot();
      if (!drawn) this.#line({ level: 'notice', text: progressFields(progress).join(', ') });
      for (const sink of this.#sinks) sink.progress?.(progress);
      wait(progress.elapsedMs);
    };
    const wait = (elapsedMs: number): void => {
      this.#timer = setTimeout(show, drawn ? REDRAW_MS : heartbeatMs(elapsedMs)).unref();
    };
    if (drawn) show();
    else wait(0);
  }

  stopFollowing(): void {
    clearTimeout(this.#timer);
  }

  /** The last lines: hints first, the one-line reason last, because BackupPC shows the last line. Shown even when quiet. */
  async fail(failure: Failure): Promise<void> {
    this.stopFollowing();
    const lines = failure.hint === undefined ? [] : [`hint: ${failure.hint}`];
    await this.#close([...lines, failure.message], 'error');
  }

  async succeed(summary: string, level: Level = 'notice'): Promise<void> {
    this.stopFollowing();
    await this.#close([summary], level);
  }

  async #close(lines: readonly string[], level: Level): Promise<void> {
    for (const text of lines) this.#line({ level, text: oneLine(text), last: true });
    await Promise.all(this.#sinks.map((sink) => sink.close()));
  }

  #line(line: LogLine): void {
    if (!this.#levels.includes(line.level)) return;
    for (const sink of this.#sinks) sink.line(line);
  }
}
