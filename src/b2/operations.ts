/** B2's calls that this program makes: what each needs from the key, what it costs, and how it may be retried. */
import type { CallStage } from './retry/retry.js';

export type Capability =
  | 'listBuckets'
  | 'writeBuckets'
  | 'writeBucketRetentions'
  | 'listFiles'
  | 'readFiles'
  | 'writeFiles'
  | 'deleteFiles'
  | 'shareFiles'
  | 'writeFileRetentions';

export interface Operation {
  readonly stage: CallStage;
  /** undefined: any key may. */
  readonly capability: Capability | undefined;
  /** Transaction class: A is free, B and C are billed (https://www.backblaze.com/cloud-storage/transaction-pricing). */
  readonly billedAs: 'classA' | 'classB' | 'classC';
  /** How many times longer than other calls B2 may take to answer. */
  readonly slowness: number;
  /** What it does, for error messages: "cannot …". */
  readonly does: string;
}

export const OPERATIONS = {
  b2_authorize_account: {
    stage: 'authorize',
    capability: undefined,
    billedAs: 'classC',
    // Somebody may be waiting for a command to begin.
    slowness: 1 / 3,
    does: 'log in',
  },
  b2_list_buckets: {
    stage: 'control',
    capability: 'listBuckets',
    billedAs: 'classC',
    slowness: 1,
    does: 'look up the bucket',
  },
  b2_create_bucket: {
    stage: 'control',
    capability: 'writeBuckets',
    billedAs: 'classC',
    slowness: 1,
    does: 'create the bucket',
  },
  b2_update_bucket: {
    stage: 'control',
    capability: 'writeBuckets',
    billedAs: 'classC',
    slowness: 1,
    does: 'change the bucket',
  },
  b2_get_upload_url: {
    stage: 'control',
    capability: 'writeFiles',
    billedAs: 'classA',
    slowness: 1,
    does: 'upload',
  },
  b2_upload_file: {
    stage: 'object',
    capability: 'writeFiles',
    billedAs: 'classA',
    slowness: 1,
    does: 'upload',
  },
  b2_start_large_file: {
    stage: 'control',
    capability: 'writeFiles',
    billedAs: 'classA',
    slowness: 1,
    does: 'upload',
  },
  b2_get_upload_part_url: {
    stage: 'volume',
    capability: 'writeFiles',
    billedAs: 'classA',
    slowness: 1,
    does: 'upload',
  },
  b2_upload_part: {
    stage: 'part',
    capability: 'writeFiles',
    billedAs: 'classA',
    slowness: 1,
    does: 'upload',
  },
  b2_finish_large_file: {
    stage: 'volume',
    capability: 'writeFiles',
    billedAs: 'classA',
    slowness: 2,
    does: 'finish a volume',
  },
  b2_cancel_large_file: {
    stage: 'control',
    capability: 'writeFiles',
    billedAs: 'classA',
    slowness: 1,
    does: 'cancel an upload',
  },
  b2_list_parts: {
    stage: 'volume',
    capability: 'writeFiles',
    billedAs: 'classC',
    slowness: 1,
    does: 'list uploaded parts',
  },
  b2_list_unfinished_large_files: {
    stage: 'control',
    capability: 'listFiles',
    billedAs: 'classC',
    slowness: 1,
    does: 'list unfinished uploads',
  },
  b2_list_file_versions: {
    stage: 'control',
    capability: 'listFiles',
    billedAs: 'classC',
    slowness: 2,
    does: 'list files',
  },
  b2_get_file_info: {
    stage: 'control',
    capability: 'readFiles',
    billedAs: 'classB',
    slowness: 1,
    does: 'look up a file',
  },
  b2_copy_file: {
    stage: 'copy',
    capability: 'writeFiles',
    billedAs: 'classC',
    slowness: 5,
    does: 'copy a file',
  },
  b2_delete_file_version: {
    stage: 'control',
    capability: 'deleteFiles',
    billedAs: 'classA',
    slowness: 1,
    does: 'delete a file',
  },
  b2_get_download_authorization: {
    stage: 'control',
    capability: 'shareFiles',
    billedAs: 'classC',
    slowness: 1,
    does: 'authorize downloads',
  },
  b2_download_file_by_id: {
    stage: 'download',
    capability: 'readFiles',
    billedAs: 'classB',
    slowness: 1,
    does: 'download',
  },
} as const satisfies Record<string, Operation>;

export type OperationName = keyof typeof OPERATIONS;
export type ApiOperation = Exclude<
  OperationName,
  'b2_authorize_account' | 'b2_upload_file' | 'b2_upload_part' | 'b2_download_file_by_id'
>;
