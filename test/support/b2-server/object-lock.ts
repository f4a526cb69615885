import type { IncomingHttpHeaders } from 'node:http';
import { B2Error, badRequest, unauthorized } from './errors.js';
import { may, requireCapability, type ApplicationKey } from './keys.js';
import type { Params } from './params.js';
import type { Bucket, FileVersion, Retention } from './state.js';

const DAY_MS = 86_400_000;

/** `fileRetention` of a call: `{mode, retainUntilTimestamp}`; both null lift it. */
export function readRetention(params: Params | undefined): Retention | undefined {
  if (params === undefined || !params.has('mode')) return undefined;
  return {
    mode: readMode(params.string('mode')),
    retainUntilTimestamp: params.integer('retainUntilTimestamp'),
  };
}

export function readRetentionHeaders(headers: IncomingHttpHeaders): Retention | undefined {
  const mode = headers['x-bz-file-retention-mode'];
  if (mode === undefined) return undefined;
  const until = Number(headers['x-bz-file-retention-retain-until-timestamp']);
  if (!Number.isSafeInteger(until))
    throw badRequest('X-Bz-File-Retention-Retain-Until-Timestamp must be a number of ms');
  return { mode: readMode(String(mode)), retainUntilTimestamp: until };
}

/** `defaultRetention` of a bucket: `{mode, period: {duration, unit}}`. */
export function readPeriod(params: Params): Bucket['defaultRetention'] {
  if (!params.has('mode') || params.raw('mode') === 'none') return undefined;
  const period = params.optionalObject('period');
  const duration = period?.integer('duration') ?? 0;
  const unit = period?.string('unit');
  if (duration <= 0 || (unit !== 'days' && unit !== 'years'))
    throw badRequest('defaultRetention needs a period in days or years');
  return { mode: readMode(params.string('mode')), period: { duration, unit } };
}

export function readLegalHold(text: string | undefined): 'on' | 'off' | undefined {
  if (text === undefined || text === 'on' || text === 'off') return text;
  throw badRequest('legal hold must be on or off');
}

/** What a new file of this bucket gets. @throws B2Error where the bucket has no Object Lock, or the key may not set one. */
export function lockFor(
  bucket: Bucket,
  key: ApplicationKey,
  asked: { retention: Retention | undefined; legalHold: 'on' | 'off' | undefined },
  now: number,
): { retention: Retention | undefined; legalHold: 'on' | 'off' | undefined } {
  if (asked.retention !== undefined) requireCapability(key, 'writeFileRetentions');
  if (asked.legalHold !== undefined) requireCapability(key, 'writeFileLegalHolds');
  if (asked.retention !== undefined || asked.legalHold !== undefined) requireLock(bucket);
  if (asked.retention !== undefined && asked.retention.retainUntilTimestamp <= now)
    throw badRequest('retainUntilTimestamp must be in the future');
  return { retention: asked.retention ?? defaultRetention(bucket, now), legalHold: asked.legalHold };
}

export function requireLock(bucket: Bucket): void {
  if (!bucket.fileLockEnabled)
    throw new B2Error(400, 'bucket_missing_file_lock', 'bucket is not file lock enabled');
}

/** @throws B2Error where this version may not be deleted now. */
export function requireDeletable(
  file: FileVersion,
  key: ApplicationKey,
  bypassGovernance: boolean,
  now: number,
): void {
  if (file.legalHold === 'on') throw new B2Error(401, 'access_denied', 'file is under legal hold');
  const { retention } = file;
  if (retention === undefined || retention.retainUntilTimestamp <= now) return;
  const bypassed = retention.mode === 'governance' && bypassGovernance;
  if (bypassed && !may(key, 'bypassGovernance'))
    throw unauthorized('unauthorized for capability bypassGovernance');
  if (!bypassed) throw new B2Error(401, 'access_denied', `file is under ${retention.mode} retention`);
}

/** @throws B2Error where the retention may not become `next`: compliance only grows, governance shrinks only by bypass. */
export function requireRetentionChange(
  current: Retention | undefined,
  next: Retention | undefined,
  key: ApplicationKey,
  bypassGovernance: boolean,
  now: number,
): void {
  if (current === undefined || current.retainUntilTimestamp <= now) return;
  const weaker =
    next === undefined ||
    next.retainUntilTimestamp < current.retainUntilTimestamp ||
    (current.mode === 'compliance' && next.mode === 'governance');
  if (!weaker) return;
  if (current.mode === 'compliance')
    throw new B2Error(403, 'access_denied', 'compliance retention can only be extended');
  if (!bypassGovernance || !may(key, 'bypassGovernance'))
    throw new B2Error(403, 'access_denied', 'shortening governance retention needs bypassGovernance');
}

function defaultRetention(bucket: Bucket, now: number): Retention | undefined {
  const rule = bucket.defaultRetention;
  if (rule === undefined) return undefined;
  const days = rule.period.unit === 'days' ? rule.period.duration : rule.period.duration * 365;
  return { mode: rule.mode, retainUntilTimestamp: now + days * DAY_MS };
}

function readMode(mode: string): Retention['mode'] {
  if (mode !== 'governance' && mode !== 'compliance') throw badRequest(`unknown retention mode: ${mode}`);
  return mode;
}
