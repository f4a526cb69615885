import { packageVersion } from './files.js';

export const VERSION = packageVersion();

/** As in manifests, user agents and the first line of a log. */
export const PROGRAM = `backuppc-b2 ${VERSION}`;
