/** The programs that the tests run as processes: through the launcher, as users do. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../..', import.meta.url));

/** BACKUPPC_B2_BIN: those of another build. `npm test` sets it to a bundle that it has just made; otherwise they are the compiled sources. */
const BIN = resolve(process.env['BACKUPPC_B2_BIN'] ?? resolve(DIST, 'bin'));

// The launcher prefers a bundle, which the compiler alone does not remove.
if (process.env['BACKUPPC_B2_BIN'] === undefined) {
  const [bundle, sources] = ['bundle/programs.cjs', '.tsbuildinfo'].map(
    (name) => statSync(resolve(DIST, name), { throwIfNoEntry: false })?.mtimeMs,
  );
  if (bundle !== undefined && bundle < (sources ?? 0))
    throw new Error('dist/bundle is older than the sources: remove it, or npm run build');
}

/** @param name as it is installed, or an absolute path */
export const programPath = (name: string): string => resolve(BIN, name);

/** The launcher takes the Node that runs the tests. */
export const NODE_ENVIRONMENT = { BACKUPPC_B2_NODE: process.execPath } as const;
