/** Where log lines go. Each sink takes finished lines; none ever throws, because a log must not stop an archive. */
import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import type { Clock } from '../clock.js';
import { printableJson } from '../printable.js';
import { barLine } from './bar.js';
import type { LogLine, Level } from './describe.js';
import { LastLine, type Screen } from './last-line.js';
import { storedShare, terminalFields, type Progress } from './progress.js';

export interface LogSink {
  line(line: LogLine): void;
  progress?(progress: Progress): void;
  close(): Promise<void>;
}

/**
 * Plain lines with the local time, for BackupPC's XferLOG and for pipes. Routine lines begin with two blanks, like BackupPC's own, so that its
 * errors-only view omits them. The last lines have no time.
 */
export function textSink(out: Writable, clock: Clock): LogSink {
  return {
    line({ level, text, last = false }) {
      const routine = !last && (level === 'notice' || level === 'detail');
      out.write(`${routine ? '  ' : ''}${last ? '' : `${localTime(clock.now())} `}${text}\n`);
    },
    close: () => Promise.resolve(),
  };
}

/** 2026-11-26 03:14:15, as in BackupPC's logs. */
function localTime(ms: number): string {
  const date = new Date(ms);
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}

/** One JSON object a line: time, level, message. */
export function jsonSink(out: Writable, clock: Clock): LogSink {
  return {
    line: ({ level, text }) =>
      void out.write(
        `${printableJson({ time: new Date(clock.now()).toISOString(), level, message: text })}\n`,
      ),
    close: () => Promise.resolve(),
  };
}

/** Lines above a progress line that is redrawn in place. */
export function terminalSink(out: Screen): LogSink {
  const last = new LastLine(out);
  return {
    line: ({ text }) => {
      last.above(() => out.write(`${text}\n`));
    },
    progress: (progress) => {
      last.show(barLine(storedShare(progress), terminalFields(progress), last.columns, last.look));
    },
    close: () => {
      last.hide();
      return Promise.resolve();
    },
  };
}

/** Facility local6 is what the older scripts used. */
const PRIORITY: Readonly<Record<Level, string>> = {
  error: 'local6.err',
  warning: 'local6.warning',
  notice: 'local6.notice',
  detail: 'local6.debug',
};

/**
 * syslog, through the `logger` program (Node has no datagram sockets in the file system): one for each level that occurs, because busybox's
 * takes a priority as an argument alone.
 */
export function syslogSink(tag: string): LogSink {
  const loggers = new Map<Level, Logger>();
  return {
    line: ({ level, text }) => {
      let logger = loggers.get(level);
      if (logger === undefined) loggers.set(level, (logger = new Logger(tag, PRIORITY[level])));
      logger.write(text);
    },
    close: async () => {
      await Promise.all([...loggers.values()].map((logger) => logger.end()));
    },
  };
}

class Logger {
  readonly #child;
  readonly #gone: Promise<void>;
  #broken = false;

  constructor(tag: string, priority: string) {
    // Detached: a stop of our group must not silence it.
    this.#child = spawn('logger', ['-t', `${tag}[${process.pid}]`, '-p', priority], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    const broken = (): void => {
      this.#broken = true;
    };
    this.#gone = new Promise((resolve) => {
      for (const event of ['error', 'close'])
        this.#child.once(event, () => {
          broken();
          resolve();
        });
    });
    this.#child.stdin.on('error', broken);
  }

  write(text: string): void {
    if (!this.#broken) this.#child.stdin.write(`${text}\n`);
  }

  end(): Promise<void> {
    this.#child.stdin.end();
    return this.#gone;
  }
}
