// Runs the tests: `node test/run.mjs [SUITE…]`. Plain JavaScript, because it also installs and compiles what the rest needs.
// Without SUITE: everything but the suites that need more than Node, gpg and curl. With SUITE (a folder or file under test/): just those.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { spec, tap } from 'node:test/reporters';
import { pathToFileURL } from 'node:url';
import { packaged, prepare } from './support/prepare.mjs';

prepare();

/** Suites with needs of their own; each has its npm script. */
const separate = ['interop', 'crash', 'link', 'real-backuppc', 'deb', 'page'];
/** Start first: they take longest, and the short ones fill the gaps at the end. */
const longest = ['journeys', 'restore-script', 'sealing', 'compression', 'tar'];
/** Folders of unit tests. Their files share a process, which loads and compiles once what each of them needs. */
const shared = [
  ...[
    'archive',
    'b2',
    'b2-server',
    'backuppc',
    'bandwidth',
    'bench',
    'catalog',
    'chunks',
    'cli',
    'config',
    'journal',
  ],
  ...['members', 'memory', 'openpgp', 'pipes', 'report', 'reporting', 'restore', 'reuse', 'tuning', 'test'],
];
/** What the other files of a process would notice: its environment, signals and exit status, hooks around every test. */
const needsOwnProcess =
  /\bprocess\.(env|chdir|umask|exit|exitCode|on|once|title)\b|\bmock\.|^(before|after|beforeEach|afterEach)\(/m;

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

/** One file for each folder of unit tests, which imports them; the other files as they are. */
function inProcesses(files) {
  const home = 'dist/tested/together';
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const together = new Map();
  const alone = [];
  for (const file of files) {
    const place = relative(compiled, file).split('/');
    const folder = place.length > 1 ? place[0] : basename(compiled);
    if (!shared.includes(folder) || needsOwnProcess.test(readFileSync(file, 'utf8'))) alone.push(file);
    else together.set(folder, [...(together.get(folder) ?? []), file]);
  }
  for (const [folder, members] of together) {
    const entry = join(home, `${folder}.test.mjs`);
    writeFileSync(entry, members.map((file) => `import '${pathToFileURL(resolve(file))}';\n`).join(''));
    alone.push(entry);
  }
  return alone;
}

/** The longest first. */
function inOrder(files) {
  const rank = (file) => {
    const at = longest.findIndex((folder) => dirname(`${relative(compiled, file)}/`).startsWith(folder));
    return at === -1 ? longest.length : at;
  };
  return files.toSorted((a, b) => rank(a) - rank(b));
}

const files = roots.flatMap((path) => [...testFiles(path)]);
if (files.length === 0) {
  console.error(`no tests under ${roots.join(', ')}`);
  process.exit(1);
}
process.env.BACKUPPC_B2_BIN ??= packaged();

const tests = run({
  files: inOrder(inProcesses(files)).map((file) => resolve(file)),
  // One more than there are processors: while some wait, others go on.
  concurrency: availableParallelism() + 1,
  // What hangs fails, with its name.
  timeout: 1_200_000,
});
tests.on('test:fail', ({ todo }) => {
  if (todo === undefined || todo === false) process.exitCode = 1;
});
tests.compose(process.env.CI || process.stdout.isTTY ? new spec() : tap).pipe(process.stdout);
