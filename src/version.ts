import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export const VERSION = version;

/** As it stands in manifests, user agents and the first line of a log. */
export const PROGRAM = `backuppc-b2 ${version}`;
