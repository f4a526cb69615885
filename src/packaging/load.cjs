'use strict';
/**
 * Starts one of the bundled programs: `node load.cjs PROGRAM [ARGUMENT...]`.
 *
 * All programs are one file, and V8's compiled code is cached beside it, so that starting takes half of the CPU time. The first run that may
 * write there (the installation, or `setup` as root) makes the cache, which is valid for one version of Node with one set of flags. If it is
 * missing, stale or unreadable, V8 compiles the file as usual.
 */
const fs = require('node:fs');
const { createRequire, SourceMap } = require('node:module');
const path = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.log(`Node.js 20.19 or later is needed; ${process.execPath} is ${process.version}`);
  process.exit(9);
}

// Also settings of the program itself (src/v8-flags.ts); V8 refuses a cache that was made under other flags.
v8.setFlagsFromString('--liftoff-only');
v8.setFlagsFromString('--heap-growing-percent=100');

const filename = path.join(__dirname, 'programs.cjs');

const cache = `${filename}.${process.version}.cache`;

const cachedData = contents(cache);
const script = new vm.Script(fs.readFileSync(filename, 'utf8'), {
  filename,
  ...(cachedData === undefined ? {} : { cachedData }),
});
if (cachedData === undefined || script.cachedDataRejected === true) process.on('exit', keepCache);

const program = process.argv.splice(2, 1)[0];
const loaded = { exports: {} };
script
  .runInThisContext()
  .call(loaded.exports, loaded.exports, createRequire(filename), loaded, filename, __dirname);
loaded.exports.start(program, mapStack);

function contents(file) {
  try {
    return fs.readFileSync(file);
  } catch {
    return undefined;
  }
}

/** Maps a stack trace from the bundle to the sources. Needed only for defects. */
function mapStack(stack) {
  const map = new SourceMap(JSON.parse(fs.readFileSync(`${filename}.map`, 'utf8')));
  return stack.replace(/[^ (]*programs\.cjs:(\d+):(\d+)/g, (place, line, column) => {
    // Lines and columns of a map begin with 0.
    const { originalSource, originalLine, originalColumn } = map.findEntry(line - 1, column - 1);
    return originalSource === undefined
      ? place
      : `${originalSource}:${originalLine + 1}:${originalColumn + 1}`;
  });
}

/** Writes the cache completely or not at all. Fails silently, because BackupPC's user may not write here. */
function keepCache() {
  const beside = `${cache}.${process.pid}`;
  try {
    fs.writeFileSync(beside, script.createCachedData(), { mode: 0o644, flag: 'wx' });
    fs.renameSync(beside, cache);
  } catch {
    fs.rmSync(beside, { force: true });
  }
}
