/** Gathers the doctor's facts; doctor-rules.ts judges them. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import type { AccountFacts } from '../../b2/account-facts.js';
import { installed } from '../../compression/quickest.js';
import { errorCode } from '../../errors.js';
import type { Config } from '../../config/schema.js';
import { clientTimeout } from '../run/backuppc-facts.js';
import type { CatalogContext } from '../context.js';
import type { HistoryRecord } from '../../reporting/history.js';
import { archiveHostFacts, judgeArchiveHost } from './archive-host.js';
import type { Check, Finding } from './doctor.js';
import type { Rehearsed } from './rehearsal.js';
import {
  judgeBuckets,
  judgeClientTimeout,
  judgeClock,
  judgeGpg,
  judgeGzip,
  judgeKey,
  judgeReuse,
  judgeSpool,
  measuredRate,
} from './doctor-rules.js';
import { archivesOf } from '../archives.js';

/** Facts that only the store and the worker pool can provide. */
export interface DoctorProbes {
  /** Logs in. */
  account(): Promise<AccountFacts>;
  /** Whether a bucket of this name is one of ours. */
  isOurBucket(name: string, facts: AccountFacts): boolean;
  /** Upload limit in bytes per second; undefined: none, or it varies. */
  readonly limit: number | undefined;
  /** What ran here, oldest first. */
  history(): Promise<readonly HistoryRecord[]>;
  /** See rehearsal.ts. */
  rehearse(): Promise<Rehearsed>;
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
  let known: Promise<AccountFacts> | undefined;
  const account = (): Promise<AccountFacts> => (known ??= probes.account());
  return [
    one('configuration', () => Promise.resolve(configuration(config))),
    one('application key', async () => judgeKey(await account(), config.prefix, config.lock_days)),
    one('reuse', async () => judgeReuse(config.reuse, await account())),
    one('bucket', async () => {
      const facts = await account();
      if (facts.buckets === undefined)
        return skipped('bucket', 'its settings cannot be read with this key (listBuckets)');
      const ours = facts.buckets.filter(({ name }) => probes.isOurBucket(name, facts));
      return judgeBuckets(ours, config);
    }),
    one('gpg', async () => judgeGpg(await gpgVersion(), config.openpgp_profile)),
    // With reuse the workers compress.
    one('gzip', () =>
      Promise.resolve((config.reuse ? undefined : judgeGzip(config.compress, installed)) ?? []),
    ),
    one('archive host', async () => {
      const facts = await archiveHostFacts(config, archiveHost);
      return facts === undefined ? [] : judgeArchiveHost(facts);
    }),
    one('ClientTimeout', async () => {
      const timeout = await clientTimeout(config, archiveHost);
      return judgeClientTimeout(timeout, await largestArchive(context), {
        limit: probes.limit,
        measured: measuredRate(await probes.history()),
      });
    }),
    ...(config.state_dir === undefined
      ? []
      : [one('state directory', () => stateDirectory(config.state_dir))]),
    ...(config.spool === undefined ? [] : [one('spool', () => spool(config.spool))]),
    ...(rehearsal
      ? [
          one('rehearsal', async () => {
            const sentAt = context.clock.now();
            const { detail, storedAt } = await probes.rehearse();
            return [
              { check: 'rehearsal', level: 'ok', detail, cure: '' } as const,
              judgeClock(sentAt, storedAt),
            ];
          }),
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

async function largestArchive(context: CatalogContext): Promise<number> {
  let largest = 0;
  for await (const { archive } of archivesOf(context)) largest = Math.max(largest, archive.bytes);
  return largest;
}

/** Whether the current user can keep journals there. */
async function stateDirectory(path = ''): Promise<Finding> {
  const check = 'state directory';
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    if (!installed('flock'))
      return {
        check,
        level: 'failure',
        detail: 'flock is not installed: it keeps two runs apart',
        cure: 'install util-linux (or busybox)',
      };
    return { check, level: 'ok', detail: path, cure: '' };
  } catch (error) {
    const missing = errorCode(error) === 'ENOENT';
    const { username } = userInfo();
    return {
      check,
      level: 'failure',
      detail: missing ? `${path} does not exist` : `user ${username} cannot write to ${path}`,
      cure: missing ? `install -d -o ${username} -m 700 ${path}` : `chown ${username} ${path}`,
    };
  }
}

async function spool(setting: Config['spool']): Promise<Finding> {
  if (setting === undefined) return skipped('spool', 'none');
  const { bsize, bavail } = await statfs(setting.directory);
  return judgeSpool(setting.directory, setting.bytes, bsize * bavail);
}
