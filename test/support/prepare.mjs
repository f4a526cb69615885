// Installs the npm packages if they are missing, and compiles. Plain JavaScript, because it comes before everything else.
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's root. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Runs a program in the root, with our output; a failure ends this process with its status. */
export function run(command, args, stdout = 'inherit') {
  const { status, signal, error } = spawnSync(command, args, {
    stdio: ['inherit', stdout, 'inherit'],
    cwd: root,
  });
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

/**
 * The program as a package holds it: one file, with its V8 cache made, under dist/tested. A start takes half as long as from the compiled
 * sources, and the tests start it a thousand times. Made anew for each run, so that no test meets an old one.
 * @returns the directory of its launchers
 */
export function packaged() {
  const home = join(root, 'dist/tested');
  const [bin, bundle] = [join(home, 'dist/bin'), join(home, 'dist/bundle')];
  rmSync(home, { recursive: true, force: true });
  mkdirSync(bundle, { recursive: true });
  copyFileSync(join(root, 'package.json'), join(home, 'package.json'));
  cpSync(join(root, 'dist/bin'), bin, { recursive: true });
  // As the installation records it: nothing is asked at each start.
  writeFileSync(join(bin, 'node-path'), `${process.execPath}\n`);
  run(process.execPath, [join(root, 'src/packaging/bundle.mjs'), bundle]);
  // The first start makes the cache: none of the tests, of which two run at a time.
  run(join(bin, 'backuppc-b2'), ['--version'], 'ignore');
  process.env.BACKUPPC_B2_BIN = bin;
  run(process.execPath, [join(root, 'dist/test/support/warm-cache.js')]);
  return bin;
}
