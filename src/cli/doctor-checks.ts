/** Where the doctor's facts come from. What is made of them stands in doctor-rules.ts. */
import { execFile } from 'node:child_process';
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Config } from '../config/schema.js';
import type { CatalogContext } from './context.js';
import type { Check, Finding } from './doctor.js';
import {
  judgeBucket,
  judgeClientTimeout,
  judgeClock,
  judgeGpg,
  judgeKey,
  judgeSpool,
  type BucketFacts,
  type KeyFacts,
} from './doctor-rules.js';
import { archivesOf } from './shelf.js';

/** What only the store's own folder and the worker pool can tell. */
export interface DoctorProbes {
  /** Logs in. */
  key(): Promise<KeyFacts & { /** B2's `Date`, ms. */ readonly serverTime: number }>;
  /** undefined where the key may not list buckets. */
  bucket(): Promise<BucketFacts | undefined>;
  /** Upload limit in bytes per second; undefined: none, or it varies. */
  readonly bytesPerSecond: number | undefined;
  /** See rehearsal.ts. */
  rehearse(): Promise<string>;
}

export interface DoctorChecksOptions {
  readonly config: Config;
  readonly context: CatalogContext;
  readonly probes: DoctorProbes;
  readonly archiveHost: string;
  readonly rehearsal: boolean;
}

export function doctorChecks({
  config,
  context,
  probes,
  archiveHost,
  rehearsal,
}: DoctorChecksOptions): Check[] {
  const one = (name: string, run: () => Promise<Finding | readonly Finding[]>): Check => ({
    name,
    run: async () => [await run()].flat(),
  });
  const now = (): number => context.clock.now();
  return [
    one('configuration', () => Promise.resolve(configuration(config))),
    one('application key', async () => {
      const { serverTime, ...key } = await probes.key();
      return [...judgeKey(key, config.prefix, now()), judgeClock(now(), serverTime)];
    }),
    one('bucket', async () => {
      const bucket = await probes.bucket();
      if (bucket === undefined)
        return skipped('bucket', 'its settings cannot be read with this key (listBuckets)');
      return judgeBucket(bucket, config.prefix, config.lock_days);
    }),
    one('gpg', async () => judgeGpg(await gpgVersion(), config.openpgp_profile)),
    one('ClientTimeout', async () => {
      const timeout = await clientTimeout(config.backuppc_config, archiveHost);
      return judgeClientTimeout(timeout, await largestArchive(context), probes.bytesPerSecond);
    }),
    ...(config.spool === undefined ? [] : [one('spool', () => spool(config.spool))]),
    ...(rehearsal
      ? [
          one('rehearsal', async () => ({
            check: 'rehearsal',
            level: 'ok',
            detail: await probes.rehearse(),
            cure: '',
          })),
        ]
      : []),
  ];
}

function configuration(config: Config): Finding {
  const from = config.file ?? 'no file: environment and defaults';
  return {
    check: 'configuration',
    level: 'ok',
    detail: `${from}; ${config.given.size} settings given`,
    cure: '',
  };
}

function skipped(check: string, detail: string): Finding {
  return { check, level: 'warning', detail, cure: '' };
}

async function gpgVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await promisify(execFile)('gpg', ['--version']);
    return stdout.split('\n', 1)[0];
  } catch {
    return undefined;
  }
}

/** The archive host's own value, else the general one; undefined where neither can be read. */
export async function clientTimeout(directory: string, archiveHost: string): Promise<number | undefined> {
  for (const file of [
    join(directory, `${archiveHost}.pl`),
    join(directory, 'pc', `${archiveHost}.pl`),
    join(directory, 'config.pl'),
  ]) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const assigned = [...text.matchAll(/^\s*\$Conf\{ClientTimeout\}\s*=\s*'?(\d+)'?\s*;/gm)].at(-1)?.[1];
    if (assigned !== undefined) return Number(assigned);
  }
  return undefined;
}

async function largestArchive(context: CatalogContext): Promise<number> {
  let largest = 0;
  for await (const { archive } of archivesOf(context)) largest = Math.max(largest, archive.bytes);
  return largest;
}

async function spool(setting: Config['spool']): Promise<Finding> {
  if (setting === undefined) return skipped('spool', 'none');
  const { bsize, bavail } = await statfs(setting.directory);
  return judgeSpool(setting.directory, setting.bytes, bsize * bavail);
}
