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
const LOCAL6 = 22 << 3;
const SEVERITY: Readonly<Record<Level, number>> = { error: 3, warning: 4, notice: 5, detail: 7 };

/** syslog, through the `logger` program (Node has no datagram sockets in the file system). */
export function syslogSink(tag: string): LogSink {
  // --prio-prefix: each line carries its own priority, <facility * 8 + severity>. Detached: a stop of our group must not silence it.
  const child = spawn('logger', ['--tag', tag, '--id', '--prio-prefix'], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  let broken = false;
  const gone = new Promise<void>((resolve) => {
    child.once('error', () => {
      broken = true;
      resolve();
    });
    child.once('close', () => {
      broken = true;
      resolve();
    });
  });
  child.stdin.on('error', () => {
    broken = true;
  });
  return {
    line: ({ level, text }) => {
      if (!broken) child.stdin.write(`<${LOCAL6 + SEVERITY[level]}>${text}\n`);
    },
    close: async () => {
      child.stdin.end();
      await gone;
    },
  };
}
