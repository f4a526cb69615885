/**
 * Makes `dist/bundle/`: all programs and the packages they need in one file. It starts in half the time, and the Debian package needs no
 * `node_modules`. A build product: the launcher uses it if it exists, and `dist/src/` otherwise.
 * `node src/packaging/bundle.mjs [DIRECTORY]`
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = resolve(process.argv[2] ?? join(root, 'dist/bundle'));
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  keepNames: true,
  minify: true,
  metafile: true,
  legalComments: 'none',
  logLevel: 'warning',
};

// One script instead of modules, because V8's cache needs one: an expression, the function that Node would wrap around a CommonJS module. It is
// in the file already, because wrapping would hold the text twice. `import.meta.url` is replaced.
const programs = await build({
  ...common,
  entryPoints: { programs: 'src/packaging/programs.ts' },
  format: 'cjs',
  outdir: out,
  outExtension: { '.js': '.cjs' },
  sourcemap: 'external',
  sourcesContent: false,
  define: { 'import.meta.url': 'ownUrl' },
  banner: {
    js: "(function(exports,require,module,__filename,__dirname){const ownUrl=require('node:url').pathToFileURL(__filename).href;",
  },
  footer: { js: '})' },
});

// Modules of threads and child processes, built together: Piscina's side of a thread and ours share its symbols. CommonJS packages inside
// ask for Node's own modules by `require` and for their place by `__dirname`; one of them already imports `createRequire`.
const modules = await build({
  ...common,
  entryPoints: {
    'piscina.worker': 'node_modules/piscina/dist/worker.js',
    'seal.worker': 'workers/seal.worker.ts',
    'keys.worker': 'workers/keys.worker.ts',
    'case-process': 'src/tuning/case-process.ts',
  },
  format: 'esm',
  splitting: true,
  outdir: out,
  outExtension: { '.js': '.mjs' },
  external: ['@napi-rs/nice'],
  banner: {
    js: "import{createRequire as requireOf}from'node:module';const require=requireOf(import.meta.url),__dirname=import.meta.dirname;",
  },
});
// Piscina starts its threads with a file of this name, which it looks for beside itself.
writeFileSync(join(out, 'worker.js'), "import('./piscina.worker.mjs');\n");
writeFileSync(join(out, 'package.json'), '{ "type": "commonjs" }\n');

// Places as they stand in the repository, wherever this was built.
const mapFile = join(out, 'programs.cjs.map');
const map = JSON.parse(readFileSync(mapFile, 'utf8'));
map.sources = map.sources.map((source) => relative(root, resolve(out, source)));
writeFileSync(mapFile, JSON.stringify(map));

copyFileSync(join(root, 'src/packaging/load.cjs'), join(out, 'load.cjs'));
copyFileSync(join(root, 'src/catalog/restore-script.sh'), join(out, 'restore-script.sh'));
writeFileSync(join(out, 'LICENSES'), licences([programs, modules]));

/** The licence of each package that is inside. */
function licences(builds) {
  const inputs = builds.flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const packages = new Set(inputs.map((input) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]));
  packages.delete(undefined);
  return [...packages]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
      return `${name} ${version} (${license})\n\n${licenceText(folder)}`;
    })
    .join(`\n${'-'.repeat(78)}\n\n`);
}

function licenceText(folder) {
  for (const name of ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license', 'License', 'LICENSE-MIT']) {
    try {
      return readFileSync(join(root, folder, name), 'utf8');
    } catch {
      // Try the next name.
    }
  }
  return `No licence file; see its package.json.\n`;
}
