/** The programs that the tests run as processes: through the launcher, as users do. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** BACKUPPC_B2_BIN: those of another build. `npm test` sets it to a bundle that it has just made; otherwise they are the compiled sources. */
const BIN = resolve(process.env['BACKUPPC_B2_BIN'] ?? fileURLToPath(new URL('../../bin/', import.meta.url)));

/** @param name as it is installed, or an absolute path */
export const programPath = (name: string): string => resolve(BIN, name);

/** The launcher takes the Node that runs the tests. */
export const NODE_ENVIRONMENT = { BACKUPPC_B2_NODE: process.execPath } as const;
