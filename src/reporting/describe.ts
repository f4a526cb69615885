/** Turns each event into a log line with its level. Pure. */
import { formatRate as formatLimit } from '../bandwidth/rate.js';
import { isComplaint } from '../backuppc/done-line.js';
import { formatBytes } from '../config/values.js';
import { oneLine } from '../errors.js';
import type { RunEvent } from '../events.js';
import { formatDuration, formatThroughput } from './progress.js';

export type Level = 'error' | 'warning' | 'notice' | 'detail';

export interface LogLine {
  readonly level: Level;
  readonly text: string;
  /** One of the last lines of a run, printed bare, because BackupPC shows the last line as the reason. */
  readonly last?: boolean;
}

export function describe(event: RunEvent): LogLine {
  const { level, text } = words(event);
  return { level, text: oneLine(text) };
}

function words(event: RunEvent): LogLine {
  switch (event.type) {
    case 'notice':
      return { level: 'notice', text: event.message };
    case 'warning':
      return { level: 'warning', text: `warning: ${event.message}` };
    case 'detail':
      return { level: 'detail', text: event.message };
    case 'source-message':
      return { level: isComplaint(event.line) ? 'warning' : 'notice', text: `tar: ${event.line}` };
    case 'volume-started':
      return { level: 'detail', text: `volume ${event.volume + 1}: ${event.name}: started` };
    case 'volume-finished': {
      const parts = event.parts === 1 ? '' : `, ${event.parts} parts`;
      if (event.skipped)
        return {
          level: 'notice',
          text: `volume ${event.volume + 1}: ${event.name}: in B2 already (${formatBytes(event.bytes)}), not sent again`,
        };
      const rate = event.seconds > 0 ? `, ${formatThroughput(event.bytes / event.seconds)}` : '';
      return {
        level: 'notice',
        text: `volume ${event.volume + 1}: ${event.name}: finished, ${formatBytes(event.bytes)}${parts}, ${formatDuration(event.seconds * 1000)}${rate}`,
      };
    }
    case 'retry':
      return {
        level: 'detail',
        text: `${event.operation}: ${event.reason}; attempt ${event.attempt + 1} in ${(event.pauseMs / 1000).toFixed(1)} s`,
      };
    case 'limit-changed':
      return {
        level: 'notice',
        text: `upload limit from ${clockTime(event.at)} on ${event.rate === undefined ? 'off' : formatLimit(event.rate)}: ${event.reason}`,
      };
    case 'connections-changed':
      return { level: 'detail', text: `connections now ${event.allowed}: ${event.reason}` };
  }
}

/** Local time to the second of when the limit changed, which may be before it is reported. */
function clockTime(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()]
    .map((number) => String(number).padStart(2, '0'))
    .join(':');
}
