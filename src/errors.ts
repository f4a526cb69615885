/**
 * The one family of errors this program reports, and the exit status of each kind.
 *
 * A `Failure` carries what an operator needs: what failed (`message`, one line), what to try (`hint`),
 * and which exit status a script sees. Anything else that is thrown is a bug and exits with `internal`.
 */

import { oneLine } from './printable.js';

export { oneLine } from './printable.js';

/** Exit status by kind. Published: the README and the manual print this table. */
export const EXIT_STATUS = {
  ok: 0,
  /** A defect in this program. */
  internal: 1,
  /** Wrong arguments or options. */
  usage: 2,
  /** Configuration, secrets file or key material unusable. */
  config: 3,
  /** The tar source is missing, failed, or wrote nothing. */
  source: 4,
  /** The archive is known to be incomplete; it is stored as such, unless a complete one of the same host and number is. */
  partial: 5,
  /** B2 refuses: wrong key, missing capability, missing or foreign bucket. */
  denied: 6,
  /** B2 refuses: a storage, transaction or download cap of the account is reached. */
  cap: 7,
  /** B2 or the network failed despite all retries. */
  unavailable: 8,
  /** Local disk, file or process trouble. */
  local: 9,
  /** Another run works on the same archive. */
  locked: 10,
  /** Stored data is damaged, or was decrypted with the wrong passphrase or key. */
  damaged: 11,
  /** Stopped by a signal, by --deadline or by a closed output; a rerun resumes. */
  interrupted: 12,
  /** Nothing matches the host, number or path asked for. */
  notFound: 13,
  /** Done, but some objects had to be left (Object Lock, or in use). */
  left: 14,
  /** Nothing here proves that this is what was archived. */
  unproven: 15,
} as const;

export type FailureKind = Exclude<keyof typeof EXIT_STATUS, 'ok'>;

export interface FailureOptions {
  /** What the operator can do about it. One line. */
  hint?: string;
  cause?: unknown;
}

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly kind: FailureKind;
  readonly hint: string | undefined;

  constructor(kind: FailureKind, message: string, options: FailureOptions = {}) {
    // It may carry what a server or a process said, and goes to terminals, logs, hooks and reports.
    super(oneLine(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.hint = options.hint === undefined ? undefined : oneLine(options.hint);
  }

  get exitStatus(): number {
    return EXIT_STATUS[this.kind];
  }
}

/** Nobody reads our output any more: whoever asked has heard enough, and needs no reason. */
export class OutputClosed extends Failure {
  constructor() {
    super('interrupted', 'whoever reads our output has stopped reading');
  }
}

/** Any thrown value as a `Failure`: foreign errors become `internal` (or `kind`), with the original as cause. */
export function asFailure(thrown: unknown, kind: FailureKind = 'internal'): Failure {
  if (thrown instanceof Failure) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new Failure(kind, message, { cause: thrown });
}

/** `ENOENT` and the like of a system error; undefined for anything else. */
export function errorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string'
    ? thrown.code
    : undefined;
}

/** @param path or what else it was to be written to */
export function cannotWrite(path: string, cause: unknown): Failure {
  const code = errorCode(cause) ?? String(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new Failure('local', `cannot write ${path}: no space left there`, {
      hint: 'make room, or restore to another place',
      cause,
    });
  if (code === 'EFBIG')
    return new Failure('local', `cannot write ${path}: larger than files may be here`, {
      hint: 'raise the limit (ulimit -f), or write to another file system',
      cause,
    });
  return new Failure('local', `cannot write ${path}: ${code}`, { cause });
}
