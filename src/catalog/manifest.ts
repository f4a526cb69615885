/**
 * The manifest, `HOST.N.tar.COMPLETE`: the last object of an archive. An archive without it is not finished.
 * JSON, unencrypted: it holds nothing that the listing and the object names do not show already, and the SHA-1 of every
 * sealed part, so that the archive can be verified without the passphrase.
 */
export const MANIFEST_FORMAT = 'backuppc-b2/1';

export interface ManifestVolume {
  readonly name: string;
  readonly fileId: string;
  /** Sealed bytes in B2. */
  readonly bytes: number;
  /** Bytes of the (compressed) tar inside. */
  readonly dataBytes: number;
  /** Sealed bytes and hex SHA-1 of each part, in order. A volume uploaded as a plain file has one. */
  readonly parts: readonly (readonly [bytes: number, sha1: string])[];
}

export interface Manifest {
  readonly format: typeof MANIFEST_FORMAT;
  readonly program: string;
  /** Identifies the run that made these volumes; equal to their file info `run`. */
  readonly run: string;
  readonly host: string;
  readonly number: number;
  readonly share: string;
  readonly state: 'finished' | 'partial';
  /** Why it is partial; empty when finished. */
  readonly reasons: readonly string[];
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly codec: { readonly name: string; readonly level: number | null };
  /** `$compext` as it stands in the names: '', '.gz', … */
  readonly extension: string;
  readonly profile: string;
  /** Bytes per volume as asked for; 0 = not split. */
  readonly splitSize: number;
  readonly tar: {
    readonly bytes: number;
    /** As tarCreate's `Done:` line counts them; null where the source does not say. */
    readonly files: number | null;
    readonly directories: number | null;
    readonly errors: number | null;
  };
  readonly volumes: readonly ManifestVolume[];
}
