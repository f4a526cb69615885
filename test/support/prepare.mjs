// Installs the npm packages if they are missing, and compiles. Plain JavaScript, because it comes before everything else.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Runs a program in the root, with our output; a failure ends this process with its status. */
export function run(command, args) {
  const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit', cwd: root });
  if (error) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? (signal === null ? 1 : 128));
}

/** `npm test` and `npm run demo` need nothing but Node and git: the rest is fetched and built here. */
export function prepare() {
  process.chdir(root);
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Node.js 20.19 or later is needed; this is ${process.version}`);
    process.exit(1);
  }
  if (!existsSync('node_modules/typescript')) run('npm', ['ci', '--no-audit', '--no-fund']);
  run('npm', ['run', '--silent', 'build']);
}
