/** The floors of the house: imports only go down, and foreign packages come in by one door each. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Folder (or file) under src/ → floor. A file may import from its own folder and from lower floors. */
const FLOORS: Readonly<Record<string, number>> = {
  'errors.ts': 0,
  'events.ts': 0,
  'clock.ts': 0,
  'files.ts': 0,
  'stack.ts': 0,
  packaging: 8,
  'version.ts': 1,
  'discard.ts': 0,
  'v8-flags.ts': 0,
  pipes: 1,
  config: 1,
  openpgp: 1,
  chunks: 1,
  bandwidth: 1,
  tar: 1,
  compression: 2,
  backuppc: 2,
  'store.ts': 1,
  sealing: 3,
  catalog: 3,
  b2: 3,
  reporting: 3,
  journal: 4,
  restore: 4,
  archive: 5,
  tuning: 5,
  cli: 6,
  'archive-host.ts': 7,
  'manager.ts': 7,
  'backup-manager.ts': 7,
};

/** Port files that describe the floors above to those below, and the one place that picks an implementation. */
const ALLOWED: ReadonlySet<string> = new Set([]);

/** The sole importers of a package. */
const DOORS: Readonly<Record<string, RegExp>> = {
  piscina: /^src\/sealing\//,
  openpgp: /^(src\/openpgp\/|workers\/)/,
  'backblaze-b2': /^src\/b2\//,
  undici: /^src\/b2\//,
  commander: /^src\/cli\//,
  'smol-toml': /^src\/config\//,
};

interface Import {
  readonly file: string;
  readonly target: string;
}

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (path.endsWith('.ts') && !path.endsWith('.d.ts')) yield path;
  }
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => ({
    file,
    target: match[1] ?? '',
  }));
}

const roomOf = (path: string): string => path.split('/')[1] ?? '';
const imports = [...sources('src'), ...sources('workers')].flatMap(importsOf);

describe('layout', () => {
  it('every folder has a floor', () => {
    const rooms = new Set([...sources('src')].map(roomOf));
    assert.deepEqual(
      [...rooms].filter((room) => FLOORS[room] === undefined),
      [],
    );
  });

  it('imports only go down', () => {
    const up = imports
      .filter(({ file, target }) => file.startsWith('src/') && target.startsWith('.'))
      .map(({ file, target }) => ({
        file,
        to: relative(root, resolve(root, dirname(file), target.replace(/\.js$/, '.ts'))),
      }))
      .filter(({ file, to }) => to.startsWith('src/') && roomOf(file) !== roomOf(to))
      .filter(({ file, to }) => (FLOORS[roomOf(file)] ?? 0) <= (FLOORS[roomOf(to)] ?? 0))
      .filter(({ file, to }) => !ALLOWED.has(`${file.slice(4)} -> ${roomOf(to)}`))
      .map(({ file, to }) => `${file} -> ${to}`);
    assert.deepEqual(up, []);
  });

  it('nothing outside of the doors imports the packages behind them', () => {
    const wrong = imports
      .filter(({ file, target }) => DOORS[target] !== undefined && !DOORS[target].test(file))
      .map(({ file, target }) => `${file} imports ${target}`);
    assert.deepEqual(wrong, []);
  });

  it('what ships imports nothing of the tests and benches', () => {
    assert.deepEqual(
      imports.filter(({ file, target }) =>
        /^(test|bench)\//.test(relative(root, resolve(root, dirname(file), target))),
      ),
      [],
    );
  });
});
