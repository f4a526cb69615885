/** What was measured on this machine, as data. Rates are bytes per second. */
import type { AeadAlgorithm, OpenPgpProfile } from '../openpgp/profile.js';

export interface SealingCase {
  readonly kind: 'sealing';
  readonly profile: OpenPgpProfile;
  readonly aead: AeadAlgorithm;
  readonly workers: number;
}

export interface CompressionCase {
  readonly kind: 'compression';
  /** As `--compress` takes it: `gzip:6`. */
  readonly codec: string;
  readonly workers: number;
}

/** Compressing, packing and sealing together: an archive without uploading. */
export interface WholeCase {
  readonly kind: 'whole';
  readonly codec: string;
  readonly workers: number;
  readonly profile: OpenPgpProfile;
  readonly aead: AeadAlgorithm;
  readonly memoryBytes: number;
  readonly partBytes: number | undefined;
}

export type MachineCase = SealingCase | CompressionCase | WholeCase;

export interface Figure {
  /** Of the tar. */
  readonly rate: number;
  /** Bytes in, and the ratio of bytes out to bytes in. */
  readonly bytes: number;
  readonly share: number;
  /** Highest resident memory of the process and its children; undefined where the system does not tell. */
  readonly peakBytes: number | undefined;
  /** What the memory budget reserves for the buffers of this case. */
  readonly bufferBytes: number;
}

export type Outcome =
  | ({ readonly kind: 'measured' } & Figure)
  /** Not measured, and why: the program is missing, it takes too long here, it does not fit the memory. */
  | { readonly kind: 'left-out'; readonly reason: string };

export interface Measured<C extends MachineCase = MachineCase> {
  readonly case: C;
  readonly figure: Figure;
}

export interface UplinkFigure {
  readonly connections: number;
  readonly partBytes: number;
  readonly rate: number;
}

export interface Uplink {
  /** TCP handshake with the server, ms; the median. */
  readonly roundTripMs: number;
  /** Opening the bucket: b2_authorize_account, b2_list_buckets. */
  readonly authorizeMs: number;
  /** A small call on a connection that is open. */
  readonly callMs: number;
  readonly uploads: readonly UplinkFigure[];
  readonly sentBytes: number;
}

export interface Reading {
  /** Whose files were read. */
  readonly directory: string;
  readonly rate: number;
  readonly files: number;
  readonly bytes: number;
}
