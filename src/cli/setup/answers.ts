/** Whether an answer will do, judged when it is given. Pure, but for `checked`, which runs what it is handed. */
import { isAbsolute } from 'node:path';
import type { AccountFacts } from '../../b2/account-facts.js';
import { formatLimit, parseLimitSpec } from '../../bandwidth/limit.js';
import type { Config } from '../../config/schema.js';
import { unfitForSealing } from '../../config/secret-line.js';
import { Failure } from '../../errors.js';
import type { Finding } from '../doctor/doctor.js';
import { judgeBuckets, judgeKey } from '../doctor/doctor-rules.js';
import { bucketPattern } from '../open-context.js';

/** `reason`: one line. */
export type Checked<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

const good = <T>(value: T): Checked<T> => ({ ok: true, value });
const bad = (reason: string): Checked<never> => ({ ok: false, reason });

/** Another answer may help. Anything else (B2 does not answer, Ctrl-C) ends setup. */
const ANSWERABLE: ReadonlySet<string> = new Set(['config', 'usage', 'denied']);

export async function checked<T>(work: () => T | Promise<T>): Promise<Checked<T>> {
  try {
    return good(await work());
  } catch (thrown) {
    if (!(thrown instanceof Failure) || !ANSWERABLE.has(thrown.kind)) throw thrown;
    return bad(reasonOf(thrown));
  }
}

function reasonOf({ message, hint }: Failure): string {
  return hint === undefined ? message : `${message} (${hint})`;
}

export function checkKeyId(text: string): Checked<string> {
  if (text === '') return bad('a key ID is needed: Backblaze shows it beside the key');
  if (!/^[\x21-\x7e]+$/.test(text)) return bad('a key ID has no blanks and no other such characters');
  return good(text);
}

export function checkPath(text: string): Checked<string> {
  if (text === '') return bad('a file is needed');
  return isAbsolute(text)
    ? good(text)
    : bad(`${text} is not an absolute path, and BackupPC runs us in a directory of its own`);
}

/** @returns undefined: no limit */
export function checkLimit(
  text: string,
): Checked<{ readonly spec: string; readonly shown: string } | undefined> {
  if (/^(none)?$/i.test(text)) return good(undefined);
  try {
    return good({ spec: text, shown: formatLimit(parseLimitSpec(text)) });
  } catch (thrown) {
    if (thrown instanceof Failure) return bad(reasonOf(thrown));
    throw thrown;
  }
}

/** @param again the same, typed a second time */
export function checkNewPassphrase(text: string, again: string): Checked<string> {
  const unfit = unfitForSealing(Buffer.from(text));
  if (unfit !== undefined) return bad(`this passphrase ${unfit}`);
  return text === again ? good(text) : bad('the two are not the same');
}

/** What B2 said of the key. @returns the findings that do not stand in the way */
export function checkKey(
  facts: AccountFacts,
  config: Pick<Config, 'prefix' | 'lock_days'>,
): Checked<Finding[]> {
  return passable(judgeKey(facts, config.prefix, config.lock_days));
}

type BucketConfig = Pick<
  Config,
  'bucket' | 'prefix' | 'lock_days' | 'cancel_unfinished_days' | 'create_bucket'
>;

/** @returns the findings that do not stand in the way; none where the key may not list buckets */
export function checkBucket(facts: AccountFacts, config: BucketConfig): Checked<Finding[]> {
  const { bucket: name = '' } = config;
  if (name === '') return bad('a bucket is needed');
  if (facts.buckets === undefined) return good([]);
  const pattern = bucketPattern(name, facts.accountId);
  const buckets = facts.buckets.filter((bucket) => pattern.test(bucket.name));
  if (buckets.length > 0) return passable(judgeBuckets(buckets, config));
  if (config.create_bucket || name.includes('{host}')) return good([]);
  const [failure] = judgeBuckets([], config);
  const seen = facts.buckets.map((bucket) => bucket.name).join(', ');
  return bad(`${failure?.detail ?? ''}; it sees ${seen === '' ? 'none' : seen}`);
}

function passable(findings: readonly Finding[]): Checked<Finding[]> {
  const failed = findings.filter(({ level }) => level === 'failure');
  if (failed.length === 0) return good([...findings]);
  return bad(failed.map(({ check, detail, cure }) => `${check}: ${detail} (${cure})`).join('; '));
}
