/** The doctor's rules: facts in, findings out. Pure. */
import type { AccountFacts, BucketFacts } from '../../b2/account-facts.js';
import type { Config } from '../../config/schema.js';
import { codecOf } from '../../compression/codec-choice.js';
import { withQuickest } from '../../compression/quickest.js';
import { formatBytes } from '../../config/values.js';
import type { HistoryRecord } from '../../reporting/history.js';
import type { Finding } from './doctor.js';

const ok = (check: string, detail: string): Finding => ({ check, level: 'ok', detail, cure: '' });
const warning = (check: string, detail: string, cure: string): Finding => ({
  check,
  level: 'warning',
  detail,
  cure,
});
const failure = (check: string, detail: string, cure: string): Finding => ({
  check,
  level: 'failure',
  detail,
  cure,
});

/** Capabilities that each part of the program needs. */
const NEEDED: readonly (readonly [capability: string, for_: string, needed: boolean])[] = [
  ['listFiles', 'list, resume', true],
  ['writeFiles', 'archives', true],
  ['readFiles', 'restore, verify', false],
  ['deleteFiles', 'delete, cleanup', false],
  ['shareFiles', 'script (or use script --no-token)', false],
  ['listBuckets', 'finding the bucket', false],
];

type KeyFacts = Pick<AccountFacts, 'capabilities' | 'namePrefix'>;

export function judgeKey(key: KeyFacts, prefix: string, lockDays?: number): Finding[] {
  const name = 'application key';
  const findings: Finding[] = [];
  if (lockDays !== undefined && !key.capabilities.includes('writeFileRetentions')) {
    findings.push(
      failure(
        name,
        `lacks the capability writeFileRetentions, and lock_days = ${lockDays}: B2 refuses every upload`,
        'make a key with writeFileRetentions, or remove lock_days',
      ),
    );
  }
  for (const [capability, purpose, needed] of NEEDED) {
    if (key.capabilities.includes(capability)) continue;
    const detail = `lacks the capability ${capability}: no ${purpose}`;
    const cure = `make a key with ${capability}, or run what needs it elsewhere with another key`;
    findings.push(needed ? failure(name, detail, cure) : warning(name, detail, cure));
  }
  if (key.namePrefix !== undefined && !prefix.startsWith(key.namePrefix)) {
    findings.push(
      failure(name, `opens only names that begin with ${key.namePrefix}`, `set prefix = "${key.namePrefix}"`),
    );
  }
  if (
    key.capabilities.includes('deleteFiles') &&
    key.capabilities.includes('writeFiles') &&
    findings.length === 0
  ) {
    return [
      ok(
        name,
        `${key.capabilities.length} capabilities; it can also delete: Object Lock (--lock-days) protects from a stolen key`,
      ),
    ];
  }
  return findings.length > 0 ? findings : [ok(name, `${key.capabilities.length} capabilities`)];
}

/** Our buckets that the key can see. */
export function judgeReuse(reuse: boolean, key: Pick<AccountFacts, 'capabilities'>): Finding {
  const name = 'reuse';
  if (!reuse)
    return ok(
      name,
      'off: each archive sends all of its bytes (reuse = true sends what changed, docs/reuse.md)',
    );
  if (key.capabilities.includes('readFiles')) return ok(name, 'unchanged volumes are copied inside B2');
  return warning(
    name,
    'the key lacks the capability readFiles: B2 copies nothing, everything is sent',
    'make a key with readFiles',
  );
}

export function judgeBuckets(
  buckets: readonly BucketFacts[],
  config: Pick<Config, 'bucket' | 'prefix' | 'lock_days' | 'cancel_unfinished_days'>,
): Finding[] {
  if (buckets.length === 0)
    return [
      failure(
        'bucket',
        `the key sees no bucket ${config.bucket ?? ''}`,
        'check the name, or set create_bucket = true',
      ),
    ];
  return buckets.flatMap((bucket) => judgeBucket(bucket, config));
}

export function judgeBucket(
  bucket: BucketFacts,
  {
    prefix,
    lock_days: lockDays,
    cancel_unfinished_days: cancelDays,
  }: Pick<Config, 'prefix' | 'lock_days' | 'cancel_unfinished_days'>,
): Finding[] {
  const name = `bucket ${bucket.name}`;
  const findings: Finding[] = [];
  if (bucket.type !== 'allPrivate') {
    findings.push(
      failure(
        name,
        `is ${bucket.type}: everybody can download the (encrypted) archives`,
        'make it private in B2’s settings',
      ),
    );
  }
  for (const rule of bucket.lifecycleRules) {
    const ours = rule.fileNamePrefix.startsWith(prefix) || prefix.startsWith(rule.fileNamePrefix);
    if (ours && rule.daysFromUploadingToHiding !== null) {
      findings.push(
        failure(
          name,
          `B2 hides archives ${rule.daysFromUploadingToHiding} days after they were stored`,
          'remove that lifecycle rule: delete decides what goes',
        ),
      );
    }
  }
  const keepsVersions = bucket.lifecycleRules.filter(
    (rule) =>
      (rule.fileNamePrefix.startsWith(prefix) || prefix.startsWith(rule.fileNamePrefix)) &&
      rule.daysFromHidingToDeleting !== null,
  );
  for (const { daysFromHidingToDeleting: days } of keepsVersions) {
    findings.push(
      warning(
        name,
        `B2 deletes hidden and replaced versions after ${days ?? 0} days: an archive that is sent again under its number can lose the old volumes before the new one is whole`,
        'remove daysFromHidingToDeleting from that lifecycle rule: nothing here needs it',
      ),
    );
  }
  // With the setting, each run creates the rule if it is missing.
  if (
    cancelDays === undefined &&
    !bucket.lifecycleRules.some(
      (rule) => typeof rule.daysFromStartingToCancelingUnfinishedLargeFiles === 'number',
    )
  ) {
    findings.push(
      warning(
        name,
        'unfinished uploads stay, and cost, until somebody removes them',
        'set cancel_unfinished_days = 7, or run cleanup from cron',
      ),
    );
  }
  if (lockDays !== undefined && bucket.objectLock === false) {
    findings.push(
      failure(
        name,
        `lock_days = ${lockDays}, but Object Lock is not enabled`,
        'enable Object Lock in the bucket’s settings',
      ),
    );
  }
  return findings.length > 0 ? findings : [ok(name, 'private, no rule that removes archives')];
}

/** @param serverTime what B2's `Date` said, ms */
export function judgeClock(now: number, serverTime: number): Finding {
  const seconds = Math.round(Math.abs(now - serverTime) / 1000);
  if (seconds < 60) return ok('clock', `${seconds} s off B2's`);
  const detail = `${seconds} s off B2's: ages, expiry dates and timetables are wrong by that much`;
  return seconds < 600
    ? warning('clock', detail, 'run an NTP client')
    : failure('clock', detail, 'set the clock and run an NTP client');
}

/** Oldest gpg that reads a profile; rfc9580 is not read by any. */
const GPG_MINIMUM: Readonly<Record<string, readonly [number, number, number] | undefined>> = {
  librepgp: [2, 2, 21],
  rfc4880: [2, 1, 0],
};

/** @param versionText first line of `gpg --version`; undefined: no gpg */
export function judgeGpg(versionText: string | undefined, profile: string): Finding {
  if (versionText === undefined) {
    return ok('gpg', 'not installed here, and not needed here: restore scripts need it where they run');
  }
  const match = /(\d+)\.(\d+)\.(\d+)/.exec(versionText);
  const version = [Number(match?.[1]), Number(match?.[2]), Number(match?.[3])] as const;
  const minimum = GPG_MINIMUM[profile];
  const text = version.join('.');
  if (minimum === undefined) {
    return warning(
      'gpg',
      `${text} does not read profile ${profile}`,
      'restore with this program or with Sequoia (sq), or choose librepgp',
    );
  }
  const enough =
    version[0] * 10_000 + version[1] * 100 + version[2] >=
    minimum[0] * 10_000 + minimum[1] * 100 + minimum[2];
  if (enough) return ok('gpg', `${text} reads profile ${profile}`);
  return failure(
    'gpg',
    `${text} does not read profile ${profile}`,
    `install gpg ${minimum.join('.')} or later, or set openpgp_profile = "rfc4880"`,
  );
}

/** Runs that say how fast the line is: what is shorter was over before it had found its rate. */
const TELLING_SECONDS = 60;
const LAST_RUNS = 5;

/** The median of the last runs; undefined where none tells. Bytes per second. */
export function measuredRate(history: readonly HistoryRecord[]): number | undefined {
  const rates = history
    .flatMap((record) => (record.type === 'archive' && record.seconds >= TELLING_SECONDS ? [record] : []))
    .slice(-LAST_RUNS)
    .map(({ sentBytes, seconds }) => sentBytes / seconds)
    .filter((rate) => rate > 0)
    .sort((a, b) => a - b);
  return rates[Math.floor(rates.length / 2)];
}

export interface Uplink {
  /** The limit that is set. Bytes per second, as the next one. */
  readonly limit: number | undefined;
  /** By the last runs. */
  readonly measured: number | undefined;
}

/**
 * BackupPC ends the whole request after ClientTimeout.
 * @param largestBytes stored bytes of the largest archive
 */
export function judgeClientTimeout(
  timeoutSeconds: number | undefined,
  largestBytes: number,
  { limit, measured }: Uplink,
): Finding {
  const name = 'ClientTimeout';
  if (timeoutSeconds === undefined)
    return warning(
      name,
      "BackupPC's configuration cannot be read",
      'set backuppc_config, or run as BackupPC’s user',
    );
  const rate = Math.min(limit ?? Infinity, measured ?? Infinity);
  if (rate === Infinity || largestBytes === 0) {
    return ok(
      name,
      `${timeoutSeconds} s for all hosts of one request; how fast the uplink is, the first archives will tell`,
    );
  }
  const needed = Math.ceil(largestBytes / rate);
  const by = rate === measured ? 'as in the last runs' : 'the upload limit';
  const detail = `${timeoutSeconds} s; the largest archive (${formatBytes(largestBytes)}) takes ${needed} s at ${formatBytes(Math.round(rate))}/s, ${by}`;
  const cure = `set $Conf{ClientTimeout} of the archive host to ${Math.ceil((needed * 2) / 3600) * 3600} or more`;
  if (needed > timeoutSeconds) return failure(name, detail, cure);
  return needed * 2 > timeoutSeconds ? warning(name, detail, cure) : ok(name, detail);
}

/**
 * @param compress the setting; undefined: BackupPC chooses
 * @param isInstalled whether a program is in PATH
 */
export function judgeGzip(
  compress: string | undefined,
  isInstalled: (program: string) => boolean,
): Finding | undefined {
  const codec = codecOf({ compPath: '', compExt: '', override: compress ?? 'gzip' });
  if (codec.kind !== 'listed' || codec.name !== 'gzip') return undefined;
  const quickest = withQuickest(codec, isInstalled);
  const program = quickest.kind === 'listed' ? quickest.program : undefined;
  if (program !== undefined) return ok('gzip', `compressed by ${program}`);
  return ok(
    'gzip',
    'compressed by zlib; libdeflate-gzip takes half its CPU time: apt install libdeflate-tools',
  );
}

/** @param spoolBytes what may be used; freeBytes what there is */
export function judgeSpool(directory: string, spoolBytes: number, freeBytes: number): Finding {
  const detail = `${formatBytes(freeBytes)} free in ${directory}, ${formatBytes(spoolBytes)} allowed`;
  if (freeBytes >= spoolBytes) return ok('spool', detail);
  return failure('spool', detail, 'free some space, or allow less with spool = "DIR:SIZE"');
}
