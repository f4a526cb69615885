/**
 * Makes a Debian package of `dist/bundle/`: `node src/packaging/deb/build.mjs [DIRECTORY]` (default `dist/`), behind `npm run bundle`.
 * Needs dpkg-deb, which every Debian has. Prints the package's path.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const sources = join(root, 'src/packaging/deb');
const out = resolve(process.argv[2] ?? join(root, 'dist'));
const version =
  process.env.DEB_VERSION ?? JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
const stage = mkdtempSync(join(tmpdir(), 'backuppc-b2-deb-'));
process.umask(0o022);
chmodSync(stage, 0o755);

try {
  stagePrograms();
  stageDocumentation();
  stageNight();
  stageControl();
  const file = join(out, `backuppc-b2_${version}_all.deb`);
  execFileSync('dpkg-deb', ['--build', '--root-owner-group', '-Zxz', stage, file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  console.log(file);
} finally {
  rmSync(stage, { recursive: true, force: true });
}

function stagePrograms() {
  const library = 'usr/lib/backuppc-b2';
  for (const name of readdirSync(join(root, 'dist/bundle'))) {
    if (!name.endsWith('.cache')) copy(join(root, 'dist/bundle', name), `${library}/dist/bundle/${name}`);
  }
  for (const name of ['BackupPC_archiveHost_b2', 'backuppc-b2', 'backup-manager'])
    copy(join(root, 'dist/bin', name), `${library}/dist/bin/${name}`, 0o755);
  const { name, license, type } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  write(`${library}/package.json`, `${JSON.stringify({ name, version, license, type })}\n`);
  link('usr/bin/backuppc-b2', '../lib/backuppc-b2/dist/bin/backuppc-b2');
  link(
    'usr/share/backuppc/bin/BackupPC_archiveHost_b2',
    '../../../lib/backuppc-b2/dist/bin/BackupPC_archiveHost_b2',
  );
}

function stageDocumentation() {
  const doc = 'usr/share/doc/backuppc-b2';
  const licence = readFileSync(join(root, 'LICENSE'), 'utf8').trimEnd();
  const indented = licence
    .split('\n')
    .map((line) => ` ${line || '.'}`)
    .join('\n');
  write(`${doc}/copyright`, text('copyright').replace('@LICENCE@', indented));
  copy(join(root, 'dist/bundle/LICENSES'), `${doc}/LICENSES`);
  write(`${doc}/changelog.gz`, gzipSync(text('changelog'), { level: 9 }));
  for (const name of readdirSync(join(root, 'docs')))
    if (name.endsWith('.md')) copy(join(root, 'docs', name), `${doc}/${name}`);
  write('usr/share/man/man1/backuppc-b2.1.gz', gzipSync(said('man'), { level: 9 }));
  link('usr/share/man/man1/BackupPC_archiveHost_b2.1.gz', 'backuppc-b2.1.gz');
  write('usr/share/bash-completion/completions/backuppc-b2', said('completion', 'bash'));
  write('usr/share/zsh/vendor-completions/_backuppc-b2', said('completion', 'zsh'));
  write('usr/share/fish/vendor_completions.d/backuppc-b2.fish', said('completion', 'fish'));
}

/** Output of the program itself. */
function said(...words) {
  return execFileSync(process.execPath, [join(root, 'dist/src/manager.js'), ...words]);
}

function stageNight() {
  copy(join(sources, 'nightly.sh'), 'usr/lib/backuppc-b2/nightly', 0o755);
  copy(join(sources, 'backuppc-b2.nightly'), 'etc/backuppc/backuppc-b2.nightly');
  for (const unit of ['backuppc-b2.service', 'backuppc-b2.timer'])
    copy(join(sources, unit), `usr/lib/systemd/system/${unit}`);
}

function stageControl() {
  const kilobytes = execFileSync('du', ['-sk', '--apparent-size', stage], { encoding: 'utf8' }).split(
    '\t',
  )[0];
  write('DEBIAN/control', text('control').replace('@VERSION@', version).replace('@SIZE@', kilobytes));
  for (const name of ['triggers', 'conffiles']) copy(join(sources, name), `DEBIAN/${name}`);
  for (const name of ['postinst', 'prerm', 'postrm']) copy(join(sources, name), `DEBIAN/${name}`, 0o755);
}

function text(name) {
  return readFileSync(join(sources, name), 'utf8');
}

function placed(path) {
  const file = join(stage, path);
  mkdirSync(dirname(file), { recursive: true });
  return file;
}

function copy(from, path, mode = 0o644) {
  copyFileSync(from, placed(path));
  chmodSync(join(stage, path), mode);
}

function write(path, contents) {
  writeFileSync(placed(path), contents, { mode: 0o644 });
}

function link(path, target) {
  symlinkSync(target, placed(path));
}
