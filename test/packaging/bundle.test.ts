/** The bundle, laid out as a package lays it out and with no `node_modules` near it: archives, lists and restores as the sources do. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generateKey } from 'openpgp';
import { BUCKET, Journey } from '../journeys/harness.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));

describe('the bundle', () => {
  let journey: Journey;
  let tree: string;
  let bundle: string;
  const program = (name: string): string => join(journey.directory, 'package/dist/bin', name);

  before(async () => {
    journey = await Journey.begin();
    const dist = join(journey.directory, 'package/dist');
    bundle = join(dist, 'bundle');
    mkdirSync(dist, { recursive: true });
    cpSync(join(root, 'dist/bin'), join(dist, 'bin'), { recursive: true });
    cpSync(join(root, 'package.json'), join(journey.directory, 'package/package.json'));
    execFileSync(process.execPath, [join(root, 'src/packaging/bundle.mjs'), bundle], { cwd: '/' });
    tree = join(journey.directory, 'tree');
    mkdirSync(tree);
    writeFileSync(join(tree, 'a.txt'), 'hello\n'.repeat(1000));
  });
  after(() => journey.end());

  const settings = (): string[] => [
    '--endpoint',
    journey.server.url,
    '--bucket',
    BUCKET,
    '--passphrase-file',
    journey.passphraseFile,
  ];
  const companion = (...words: string[]) =>
    journey.start(program('backuppc-b2'), words, { BACKUPPC_B2_STATE_DIR: join(journey.directory, 'state') })
      .ended;

  it('archives through its worker threads, as BackupPC runs it', async () => {
    const words = [
      ...journey.flags,
      ...settings(),
      ...journey.positionals(journey.tarOf(tree), { compPath: '/bin/gzip', compExt: '.gz' }),
    ];
    const { status, output } = await journey.start(program('BackupPC_archiveHost_b2'), words).ended;
    assert.equal(status, 0, output);
  });

  it('archives for a recipient: the thread that handles OpenPGP keys starts', async () => {
    const { publicKey } = await generateKey({ userIDs: [{ name: 'restorer' }], format: 'armored' });
    const words = [
      ...['--endpoint', journey.server.url, '--bucket', BUCKET, '--workers', '1'],
      ...['--recipient', journey.write('recipient.asc', publicKey)],
      ...journey.positionals(journey.tarOf(tree), { host: 'away' }),
    ];
    const { status, output } = await journey.start(program('BackupPC_archiveHost_b2'), words).ended;
    assert.equal(status, 0, output);
    assert.match(output, /made a key to sign archives with/);
  });

  it('measures in a separate process', async () => {
    const quick = ['--seconds-per-case', '0.02', '--codec', 'gzip:1', '--profile', 'librepgp'];
    const { status, output } = await companion('bench', '--json', ...quick);
    assert.equal(status, 0, output);
    const { sealing, compression } = JSON.parse(output) as { sealing: unknown[]; compression: unknown[] };
    assert.ok(sealing.length > 0 && compression.length > 0, output);
  });

  it("keeps V8's compiled code, and uses it at the next start", async () => {
    const caches = (): string[] => readdirSync(bundle).filter((name) => name.endsWith('.cache'));
    assert.deepEqual(caches(), [`programs.cjs.${process.version}.cache`]);
    const file = join(bundle, caches()[0] ?? '');
    const made = readFileSync(file);
    assert.equal((await companion('--version')).status, 0);
    assert.deepEqual(readFileSync(file), made);
  });

  it('a damaged cache is rebuilt, and nobody notices', async () => {
    const file = join(bundle, `programs.cjs.${process.version}.cache`);
    writeFileSync(file, 'no cache of V8');
    const { status, output } = await companion(...['list', '--json'], ...settings());
    assert.equal(status, 0, output);
    assert.match(output, /"web\.example"/);
    assert.ok(readFileSync(file).length > 10_000);
  });

  it('restores', async () => {
    const target = join(journey.directory, 'out');
    const { status, output } = await companion(
      'restore',
      '--host',
      'web.example',
      '-C',
      target,
      ...settings(),
    );
    assert.equal(status, 0, output);
    assert.equal(readFileSync(join(target, 'a.txt'), 'utf8'), 'hello\n'.repeat(1000));
  });

  it('contains the licence of each package', () => {
    const licences = readFileSync(join(bundle, 'LICENSES'), 'utf8');
    for (const name of ['undici', 'piscina', 'openpgp', 'commander', 'backblaze-b2', '@clack/prompts'])
      assert.match(licences, new RegExp(`^${name} \\d`, 'm'));
  });

  it('a defect is reported with its place in the sources', () => {
    const code = readFileSync(join(bundle, 'programs.cjs'), 'utf8');
    const before = code.slice(0, code.indexOf('no such command')).split('\n');
    const place = `${join(bundle, 'programs.cjs')}:${before.length}:${(before.at(-1) ?? '').length + 1}`;
    const copy = join(journey.directory, 'copy');
    cpSync(bundle, copy, { recursive: true });
    const program = '(function (exports) { exports.start = (stack, map) => console.log(map(stack)); })';
    writeFileSync(join(copy, 'programs.cjs'), program);
    const stack = `Error: x\n    at find (${place})\n    at node:internal/x:1:2`;
    const mapped = execFileSync(process.execPath, [join(copy, 'load.cjs'), stack], { encoding: 'utf8' });
    assert.match(
      mapped,
      /^Error: x\n {4}at find \(src\/cli\/[a-z/-]+\.ts:\d+:\d+\)\n {4}at node:internal\/x:1:2\n$/,
    );
  });
});
