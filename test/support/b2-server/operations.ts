import { bucketOperations } from './buckets.js';
import { copyOperations } from './copies.js';
import { downloadAuthorizationOperations } from './downloads.js';
import { fileOperations } from './files.js';
import { keyOperations } from './key-calls.js';
import { largeFileOperations } from './large-files.js';
import { listingOperations } from './listing.js';
import type { Operations } from './service.js';
import { uploadUrlOperations } from './uploads.js';

/** Every call with parameters in and JSON out. Authorize, uploads and downloads have ways of their own. */
export const operations: Operations = {
  ...bucketOperations,
  ...copyOperations,
  ...downloadAuthorizationOperations,
  ...fileOperations,
  ...keyOperations,
  ...largeFileOperations,
  ...listingOperations,
  ...uploadUrlOperations,
};
