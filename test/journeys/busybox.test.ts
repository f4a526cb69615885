/** Alpine, as far as Debian's busybox is it: its sh, tar, setsid, readlink, sed and everything else, gpg and curl, and nothing besides. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { busyboxPath, skipWithoutBusybox } from '../support/busybox.js';
import { skipWithoutRoot } from '../support/debian.js';
import { BUCKET, Journey, type Ended } from './harness.js';

/** Longer than a header of tar takes. */
const LONG = join('d'.repeat(90), 'e'.repeat(90), 'f'.repeat(120));

const DONE = "echo 'Done: 5 files, 5000 bytes, 1 dirs, 0 specials, 0 errors' >&2";

describe("busybox's programs alone", { skip: skipWithoutBusybox() }, () => {
  const PATH = busyboxPath() ?? '';
  const sh = join(PATH, 'sh');
  let journey: Journey;
  let tree: string;
  let nth = 0;
  const target = (): string => join(journey.directory, `out ${++nth}`);
  const hosts = {
    classic: ['--compress', 'none', '--split-size', '600K'],
    gzip: ['--compress', 'gzip'],
    bzip2: ['--compress', 'bzip2'],
    reuse: ['--reuse', '--reuse-volume', '64K', '--compress', 'gzip'],
  } as const;

  before(async () => {
    journey = await Journey.begin();
    tree = join(journey.directory, 'tree');
    mkdirSync(join(tree, LONG, '..'), { recursive: true });
    mkdirSync(join(tree, 'sub', 'deep'), { recursive: true });
    writeFileSync(join(tree, LONG), 'long name');
    writeFileSync(join(tree, "it's $HOME"), 'odd name');
    writeFileSync(join(tree, 'big'), randomFillSync(Buffer.alloc(2_000_000)));
    for (let i = 0; i < 8; i++)
      writeFileSync(join(tree, 'sub', 'deep', `f${i}`), randomFillSync(Buffer.alloc(60_000)));
    linkSync(join(tree, 'sub/deep/f1'), join(tree, 'hard'));
    symlinkSync('big', join(tree, 'link'));
  });
  after(() => journey.end());

  const archive = (host: string, tar: string, words: readonly string[], number = '12'): Promise<Ended> =>
    journey.archiveHost([...words, ...journey.positionals(tar, { host, number })], { PATH }, [sh]).ended;
  const companion = (words: readonly string[]): Promise<Ended> =>
    journey.companion(words, journey.outLoc, { PATH }, [sh]);
  const good = async (words: readonly string[]): Promise<string> => {
    const { status, output } = await companion(words);
    assert.equal(status, 0, output);
    return output;
  };
  const same = (path: string, restored: string): void => {
    const { stdout, stderr } = spawnSync('diff', ['-r', join(tree, path), join(restored, path)], {
      encoding: 'utf8',
    });
    assert.equal(stdout + stderr, '');
  };

  it('archives by the launcher, leads its process group, runs its hook, and sends an unchanged backup anew by copies', async () => {
    const group = join(journey.directory, 'group');
    // Field 5 of /proc/PID/stat: the process group; the door is tarCreate's parent.
    const tar = journey.tarCreate(
      `tar -C '${tree}' -cf - . && ${DONE}; echo $PPID $(sed 's/^.*) //' /proc/$PPID/stat | cut -d' ' -f3) >'${group}'`,
    );
    const hook = join(journey.directory, 'hook');
    for (const [host, words] of Object.entries(hosts)) {
      const { status, output } = await archive(host, tar, [...words, '--on-success', `cat >'${hook}'`]);
      assert.equal(status, 0, output);
      assert.match(readFileSync(hook, 'utf8'), new RegExp(`"host":"${host}"`));
    }
    const [parent, leader] = readFileSync(group, 'utf8').trim().split(' ');
    assert.equal(leader, parent);
    const again = await archive('reuse', tar, hosts.reuse, '13');
    assert.equal(again.status, 0, again.output);
    assert.match(again.lastLine, /copied 2\.\d+ MiB in B2/);
  });

  it('verifies, restores everything and single members', async () => {
    for (const host of Object.keys(hosts)) {
      assert.match(await good(['verify', '--deep', '--host', host]), /ok \(/);
      const all = target();
      await good(['restore', '--host', host, '-C', all]);
      same('.', all);
      const some = target();
      await good(['restore', '--host', host, '-C', some, '-q', './sub/deep/f3', LONG]);
      for (const path of ['sub/deep/f3', LONG]) same(path, some);
      assert.ok(!existsSync(join(some, 'big')));
      const absent = await companion(['restore', '--host', host, '-C', target(), './sub', './none']);
      assert.equal(absent.status, 13, absent.output);
    }
  });

  it('makes restore scripts that its sh runs', async () => {
    for (const host of Object.keys(hosts)) {
      const file = target();
      await good(['script', '--host', host, '--output', file]);
      const run = (words: readonly string[]): Promise<Ended> =>
        journey.start(file, ['--passphrase-file', journey.passphraseFile, ...words], { PATH }, [sh]).ended;
      const into = target();
      const all = await run(['-C', into]);
      assert.equal(all.status, 0, all.output);
      same('.', into);
      const some = target();
      const picked = await run(['-q', '-C', some, '-x', './sub/deep/f3', `./${LONG}`]);
      assert.deepEqual([picked.status, picked.output], [0, '']);
      for (const path of ['sub/deep/f3', LONG]) same(path, some);
      const listed = await run(['-q', '-t']);
      assert.equal(listed.status, 0, listed.output);
      assert.ok(listed.output.includes(`./${LONG}\n`));
    }
  });

  it('doctor and setup', { skip: skipWithoutRoot() }, async () => {
    const checked = await good(['doctor', '--s2k-bytes', '16M', '--backuppc-config', target()]);
    assert.match(checked, /^ok +rehearsal: .*this program and gpg/m);
    const file = join(journey.directory, 'backuppc-b2.toml');
    const { status, output } = await journey.start(
      'backuppc-b2',
      [
        ...['setup', '--no-check', '--config', file, '--bucket', BUCKET, '--user', 'nobody'],
        ...['--state-dir', target(), '--bin-directory', '/usr/local/BackupPC/bin'],
      ],
      { PATH },
      [sh],
    ).ended;
    assert.equal(status, 0, output);
    assert.match(output, /BackupPC_serverMesg server reload/);
  });

  it('its tar does not know a size that only pax headers give: refused natively, reported by the script', async () => {
    // A member of 3 MB whose header says 0, and whose size only the pax header tells: as one of 64 GiB is.
    const tar = journey.tarCreate(`cat '${journey.write('pax.tar', paxSized(3_000_000))}' && ${DONE}`);
    const { status, output } = await archive('large', tar, ['--compress', 'none']);
    assert.equal(status, 0, output);
    const restored = await companion(['restore', '--host', 'large', '-C', target()]);
    assert.equal(restored.status, 9, restored.output);
    assert.match(restored.lastLine, /tar is busybox's, which does not understand the size of a$/);
    const file = target();
    await good(['script', '--host', 'large', '--output', file]);
    const words = ['--passphrase-file', journey.passphraseFile, '-C', target()];
    const { status: failed, output: said } = await journey.start(file, words, { PATH }, [sh]).ended;
    assert.equal(failed, 1, said);
    assert.match(said, /tar is busybox's, which does not understand sizes or owners in this archive/);
    assert.match(said, /hint: install GNU tar/);
    // GNU tar knows pax.
    const gnu = journey.start('backuppc-b2', [
      ...['restore', '--host', 'large', '-C', target(), '--endpoint', journey.server.url, '--bucket', BUCKET],
      ...['--passphrase-file', journey.passphraseFile],
    ]);
    const ended = await gnu.ended;
    assert.equal(ended.status, 0, ended.output);
  });
});

/** `a`, zeros and then ones, its size in a pax header alone, and `b`. */
function paxSized(bytes: number): Buffer {
  const record = paxRecord(`size=${bytes}`);
  const data = Buffer.alloc(Math.ceil(bytes / 512) * 512);
  data.fill(1, bytes - 1_500_000, bytes);
  return Buffer.concat([
    header('pax', 'x', record.length),
    padded(record),
    header('a', '0', 0),
    data,
    header('b', '0', 0),
    Buffer.alloc(1024),
  ]);
}

function paxRecord(field: string): Buffer {
  for (let length = field.length; ; length++) {
    const record = `${length} ${field}\n`;
    if (record.length === length) return Buffer.from(record);
  }
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);
}

function header(name: string, type: string, size: number): Buffer {
  const block = Buffer.alloc(512);
  block.write(name, 0);
  block.write('0000644\0', 100);
  block.write('0000000\0', 108);
  block.write('0000000\0', 116);
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  block.write('00000000000\0', 136);
  block.write('        ', 148);
  block.write(type, 156);
  block.write('ustar\u000000', 257);
  const sum = block.reduce((total, octet) => total + octet, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}
