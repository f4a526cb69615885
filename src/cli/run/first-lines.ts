/** The first lines of an archive run: what it will do, and what in it may be a mistake. Pure. */
import type { CodecChoice } from '../../compression/codec-choice.js';
import type { Config } from '../../config/schema.js';
import { formatBytes } from '../../config/values.js';

export interface RunPlan {
  readonly config: Config;
  readonly host: string;
  readonly number: number;
  readonly codec: CodecChoice;
  /** Bytes, 0 = not split. */
  readonly splitSize: number;
  /** Expected bytes of the tar, from BackupPC's records. */
  readonly expectedBytes: number | undefined;
  /** As requested. */
  readonly limit: string;
}

/** Hashing less makes guessing cheaper; gpg hashes at least this much by default. */
const ENOUGH_S2K_BYTES = 16 * 1024 * 1024;
/** More volumes than anybody wants in a listing. */
const MANY_VOLUMES = 1000;

export function openingLine({
  config,
  host,
  number,
  codec,
  splitSize,
  expectedBytes,
  limit,
}: RunPlan): string {
  const level = codec.level === null ? '' : `:${codec.level}`;
  const size = expectedBytes === undefined ? 'size unknown' : `about ${formatBytes(expectedBytes)} to read`;
  const place = config.prefix === '' ? '' : `, prefix ${config.prefix}`;
  return [
    `archiving ${host} #${number} to bucket ${config.bucket ?? '(none)'}${place}: ${size}`,
    `compression ${codec.name}${level}`,
    `OpenPGP profile ${config.openpgp_profile}`,
    volumesOf(config, splitSize),
    limit === 'unlimited' ? 'no upload limit' : `upload limit ${limit}`,
  ].join(', ');
}

function volumesOf({ reuse }: Config, splitSize: number): string {
  if (reuse) return 'volumes cut by content, unchanged ones copied in B2';
  return splitSize === 0 ? 'one object' : `volumes of ${formatBytes(splitSize)}`;
}

export function planWarnings({ config, splitSize, expectedBytes }: RunPlan): string[] {
  const warnings: string[] = [];
  const volumes = splitSize === 0 || config.reuse ? 1 : Math.ceil((expectedBytes ?? 0) / splitSize);
  if (volumes > MANY_VOLUMES) {
    warnings.push(
      `volumes of ${formatBytes(splitSize)} make up to ${volumes} objects of this backup; a larger split size costs nothing`,
    );
  }
  const hasPassphrase =
    config.passphrase !== undefined ||
    config.passphrase_file.length > 0 ||
    config.passphrase_command !== undefined;
  if (hasPassphrase && config.s2k_bytes < ENOUGH_S2K_BYTES) {
    const times = Math.round(ENOUGH_S2K_BYTES / config.s2k_bytes);
    warnings.push(
      `s2k_bytes is ${formatBytes(config.s2k_bytes)}: whoever has an archive can guess passphrases ${times} times as fast as with ${formatBytes(ENOUGH_S2K_BYTES)}; safe only with a long random one`,
    );
  }
  return warnings;
}

/** Warnings that apply to every command. */
export function environmentWarnings(environment: Readonly<Record<string, string | undefined>>): string[] {
  if (environment['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return [];
  return [
    'CERTIFICATES ARE NOT CHECKED: NODE_TLS_REJECT_UNAUTHORIZED=0 is set, so anybody on the way to B2 can impersonate it and read the application key; unset it (NODE_EXTRA_CA_CERTS names a certificate of your own)',
  ];
}
