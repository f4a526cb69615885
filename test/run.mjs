// Runs the tests: `node test/run.mjs [SUITE…]`. Plain JavaScript, because it also installs and compiles what the rest needs.
// Without SUITE: everything but the suites that need more than Node, gpg and curl. With SUITE (a folder or file under test/): just those.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { packaged, prepare, run } from './support/prepare.mjs';

prepare();

/** Suites with needs of their own; each has its npm script. */
const separate = ['interop', 'crash', 'link', 'real-backuppc', 'deb', 'page'];

const compiled = 'dist/test';
const suites = process.argv.slice(2);
const roots =
  suites.length === 0
    ? [compiled]
    : suites.map((suite) => join(compiled, suite.replace(/^(dist\/)?test\//, '').replace(/\.ts$/, '.js')));

function* testFiles(path) {
  if (statSync(path).isFile()) {
    // A compiled test whose source is gone is none.
    if (
      path.endsWith('.test.js') &&
      existsSync(join('test', relative(compiled, path)).replace(/\.js$/, '.ts'))
    )
      yield path;
    return;
  }
  for (const name of readdirSync(path).sort()) {
    if (suites.length === 0 && path === compiled && separate.includes(name)) continue;
    yield* testFiles(join(path, name));
  }
}

const files = roots.flatMap((path) => [...testFiles(path)]);
if (files.length === 0) {
  console.error(`no tests under ${roots.join(', ')}`);
  process.exit(1);
}
process.env.BACKUPPC_B2_BIN ??= packaged();
// What hangs fails, with its name.
run(process.execPath, [
  '--test',
  '--test-timeout=1200000',
  // One more than there are processors: while some wait, others go on.
  `--test-concurrency=${availableParallelism() + 1}`,
  ...(process.env.CI ? ['--test-reporter=spec'] : []),
  ...files,
]);
