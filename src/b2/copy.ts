/** Copies a finished file inside the bucket, and settles answers that were lost. */
import type { CopyOutcome, ObjectMeta } from '../store.js';
import type { Account } from './account.js';
import type { Bucket } from './bucket.js';
import type { Protection } from './protection.js';
import { field, readFileVersion } from './reply.js';
import { answerMayBeLost, type Trouble, type TroubleKind } from './retry/retry.js';

export interface CopyTools {
  readonly account: Account;
  readonly bucket: Bucket;
  readonly protection: Protection;
}

/** B2 accepts requests, but does not copy. */
const BUSY: ReadonlySet<TroubleKind> = new Set(['server-error', 'full', 'foreign-answer']);
/** After this many of those, about half a minute, sending the bytes is better: uploads go to other servers. */
const BUSY_ANSWERS = 6;

/** @throws Failure where B2 cannot be reached, or the signal's reason */
export async function copyFile(
  { account, bucket, protection }: CopyTools,
  sourceFileId: string,
  meta: ObjectMeta,
  signal: AbortSignal | undefined,
): Promise<CopyOutcome> {
  const { fileName, contentType, fileInfo } = meta;
  const parameters = {
    sourceFileId,
    destinationBucketId: bucket.bucketId,
    fileName,
    metadataDirective: 'REPLACE',
    contentType,
    fileInfo,
    fileRetention: protection.retention(),
    destinationServerSideEncryption: protection.encryption(),
  };
  let busy = 0;
  const settle = async (trouble: Trouble): Promise<CopyOutcome | undefined> => {
    if (!answerMayBeLost(trouble)) return refusalOf(trouble);
    const found = await findCopy({ account, bucket }, meta);
    if (found !== undefined || !BUSY.has(trouble.kind)) return found;
    busy += 1;
    return busy < BUSY_ANSWERS ? undefined : { outcome: 'refused', reason: trouble.reason };
  };
  return await account.call(
    'b2_copy_file',
    parameters,
    (reply): CopyOutcome => ({ outcome: 'copied', version: readFileVersion(reply) }),
    { signal, settle },
  );
}

/** B2's words for a source that is not there: 404, or 400 for an ID that it does not know, and for a hide marker. */
const NO_SOURCE = /not[ _]present|no such file|invalid file ?id|hide marker/i;

/** A permanent refusal as an outcome: the caller may send the bytes instead. */
function refusalOf({ kind, status, code = '', reason }: Trouble): CopyOutcome | undefined {
  if (kind !== 'refused' || status === undefined) return undefined;
  const missing = status === 404 || (status === 400 && NO_SOURCE.test(`${code} ${reason}`));
  return { outcome: missing ? 'source-missing' : 'refused', reason };
}

/** The copy that an earlier try may have made: the newest version of the name, if it carries exactly this file info. */
async function findCopy(
  { account, bucket }: Pick<CopyTools, 'account' | 'bucket'>,
  { fileName, fileInfo }: ObjectMeta,
): Promise<CopyOutcome | undefined> {
  if (!account.authorization.allowed.capabilities.includes('listFiles')) return undefined;
  const parameters = {
    bucketId: bucket.bucketId,
    prefix: fileName,
    startFileName: fileName,
    maxFileCount: 1,
  };
  const [newest] = await account.call('b2_list_file_versions', parameters, (reply) =>
    field.records(reply, 'files').map(readFileVersion),
  );
  if (newest?.fileName !== fileName || newest.action !== 'upload') return undefined;
  return sameInfo(newest.fileInfo, fileInfo) ? { outcome: 'copied', version: newest } : undefined;
}

/** B2 keeps the keys of file info in lower case. */
function sameInfo(stored: Readonly<Record<string, string>>, sent: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(sent);
  return (
    entries.length === Object.keys(stored).length &&
    entries.every(([key, value]) => stored[key.toLowerCase()] === value)
  );
}
