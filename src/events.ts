/**
 * What happens during a run, as data. Stages emit events and never print; the reporters (terminal, BackupPC log, JSON, syslog, metrics) decide
 * who sees what.
 */
export type RunEvent =
  | { type: 'notice'; message: string }
  | { type: 'warning'; message: string }
  | { type: 'detail'; message: string }
  | { type: 'source-message'; line: string }
  | { type: 'volume-started'; volume: number; name: string }
  | {
      type: 'volume-finished';
      volume: number;
      name: string;
      bytes: number;
      parts: number;
      seconds: number;
      skipped: boolean;
    }
  | { type: 'retry'; operation: string; reason: string; pauseMs: number; attempt: number }
  /** `at`: ms since 1970. */
  | { type: 'limit-changed'; at: number; rate: number | undefined; reason: string }
  | { type: 'connections-changed'; allowed: number; reason: string };

export type Emit = (event: RunEvent) => void;
