import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export const VERSION = version;

/** As it stands in manifests, user agents and the first line of a log. */
export const PROGRAM = `backuppc-b2 ${version}`;

/** Where this installation has its programs: BackupPC's door, the companion, the older scripts' name. */
export const PROGRAM_DIRECTORY = fileURLToPath(new URL('../bin', import.meta.url));
