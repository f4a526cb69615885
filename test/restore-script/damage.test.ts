/** The restore script over archives that were hurt, without the usual tools, and under every shell at hand. */
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { restoreScript, type ScriptPlan } from '../../src/catalog/restore-script.js';
import { gpgEncrypt, makeArchive, sha1, type MadeArchive } from './archive.js';
import { downloadServer, type DownloadServer } from './download-server.js';
import { planFor, runScript, type Outcome } from './run.js';
import { hasBusyboxTar, shellName, SHELLS } from './shells.js';
import { skipWithout } from '../support/debian.js';

const SMALL = 40;

describe('restore script over a damaged archive', () => {
  let archive: MadeArchive;
  let server: DownloadServer;
  let nth = 0;
  const target = (): string => join(archive.directory, `damaged ${++nth}`);

  before(async () => {
    archive = makeArchive({ volumeBytes: 100_000, partBytes: 50_000, fileBytes: 20_000, smallFiles: SMALL });
    server = await downloadServer();
  });
  after(async () => {
    await server.close();
    archive.dispose();
  });

  const run = (
    plan: ScriptPlan,
    words: readonly string[],
    shell = SHELLS[0] ?? (['sh'] as const),
  ): Promise<Outcome> => runScript(shell, archive, plan, words);
  /** Small files that are as they were. */
  const whole = (directory: string): number =>
    Array.from({ length: SMALL }, (_, file) => join('share', `small${file}`)).filter(
      (name) =>
        existsSync(join(directory, name)) &&
        readFileSync(join(directory, name)).equals(readFileSync(join(archive.source, name))),
    ).length;

  for (const shell of SHELLS) {
    test(`under ${shellName(shell)}: all of it, and with --keep-going all but a damaged volume`, async () => {
      const plan = planFor(archive, server, { tarBytes: archive.tar.length });
      server.fault = () => 'none';
      const all = target();
      const good = await run(plan, ['-q', '--keep-going', '-C', all], shell);
      assert.equal(good.status, 0, good.stderr);
      assert.equal(spawnSync('diff', ['-r', archive.source, all], { encoding: 'utf8' }).stdout, '');
      assert.deepEqual(good.leftBehind, []);

      server.fault = (_request, name) => (name.includes('.ab.') ? 'flip' : 'none');
      const strict = await run(plan, ['-C', target()], shell);
      assert.equal(strict.status, 1, strict.stderr);
      assert.match(strict.stderr, /failed: download of volume 2 .*SHA-1 of bytes/);
      const some = target();
      const outcome = await run(plan, ['-q', '--keep-going', '-C', some], shell);
      assert.equal(outcome.status, 11, outcome.stderr);
      assert.match(outcome.stderr, /volume\(s\) 2 of \d+ are damaged or gone/);
      // busybox has a tar of its own, which stops where it finds no header.
      if (hasBusyboxTar(shell)) return;
      // A volume holds nine files or so, and reaches into two.
      assert.ok(whole(some) >= SMALL - 12, `${whole(some)} of ${SMALL}`);
      assert.deepEqual(outcome.leftBehind, []);
    });
  }

  test('a volume that was missing when the script was made: the rest, and status 5', async () => {
    server.fault = () => 'none';
    const plan = planFor(archive, server);
    const volumes = plan.volumes.map((volume, index) =>
      index === 1 ? { ...volume, missing: true, pieces: [] } : volume,
    );
    const directory = target();
    const outcome = await run({ ...plan, volumes, problems: ['1 volume missing'] }, ['-C', directory]);
    assert.equal(outcome.status, 5, outcome.stderr);
    assert.match(outcome.stderr, /\.ab\.gpg is missing/);
    assert.ok(whole(directory) >= SMALL - 12);
  });

  test('a compressed archive ends at the damage, and the script says so', async () => {
    const packed = makeArchive({
      compress: ['gzip', '-c'],
      volumeBytes: 100_000,
      partBytes: 50_000,
      smallFiles: SMALL,
      fileBytes: 1,
    });
    try {
      server.fault = (_request, name) => (name.includes('.ab.') ? 'flip' : 'none');
      const directory = join(packed.directory, 'out');
      const plan = planFor(packed, server, { decompress: ['gzip', '-dc'] });
      const outcome = await runScript('sh', packed, plan, ['--keep-going', '-C', directory]);
      assert.equal(outcome.status, 11, outcome.stderr);
      assert.match(outcome.stderr, /the \d volume\(s\) behind it cannot be read without it/);
      assert.ok(existsSync(join(directory, 'share')));
    } finally {
      packed.dispose();
    }
  });

  test('a tar of another length, and one without its end mark', async () => {
    server.fault = () => 'none';
    const plan = planFor(archive, server, { tarBytes: archive.tar.length + 1 });
    const file = target();
    const longer = await run(plan, ['-o', file]);
    assert.equal(longer.status, 1);
    assert.match(longer.stderr, /damaged: the tar has \d+ bytes, the manifest says \d+/);
    assert.ok(!existsSync(file));
    const cut = await run({ ...plan, tarBytes: undefined, volumes: plan.volumes.slice(0, 2) }, ['-t']);
    assert.equal(cut.status, 1);
  });

  test('compressed by what nobody knows: -o writes what is stored', async () => {
    server.fault = () => 'none';
    const plan = planFor(archive, server, { packedBy: 'myzip' });
    const refused = await run(plan, ['-t']);
    assert.match(refused.stderr, /compressed by myzip, which no known program decompresses: -o FILE/);
    const kept = await run(plan, ['-o', '-']);
    assert.equal(kept.status, 0, kept.stderr);
    assert.ok(kept.stdout.equals(archive.tar));
  });

  test('without sha1sum, it uses shasum or openssl; without any of them it says so', async () => {
    server.fault = () => 'none';
    const tools =
      'sh,curl,gpg,tar,mktemp,mkfifo,mkdir,wc,sed,grep,date,cat,rm,mv,sleep,tee,tail,tr,head,tty,stty'.split(
        ',',
      );
    const find = (tool: string): string =>
      execFileSync('sh', ['-c', `command -v ${tool} || :`], { encoding: 'utf8' }).trim();
    for (const [digest, status] of [
      ['shasum', 0],
      ['openssl', 0],
      ['none', 1],
    ] as const) {
      const bin = target();
      mkdirSync(bin);
      for (const tool of [...tools, digest]) {
        const path = find(tool);
        if (path !== '') symlinkSync(path, join(bin, tool));
      }
      if (status === 0 && find(digest) === '') continue;
      const outcome = await runScript('/bin/sh', archive, planFor(archive, server), ['-q', '-o', '-'], {
        environment: { PATH: bin },
      });
      assert.equal(outcome.status, status, outcome.stderr);
      if (status === 0) assert.ok(outcome.stdout.equals(archive.tar), digest);
      else assert.match(outcome.stderr, /not installed: sha1sum/);
    }
  });

  for (const [shell, reason] of [
    ['mksh', /this shell has no printf of its own: run the script with dash/],
    ['yash', /yash changes octets that are not text/],
  ] as const)
    test(`${shell} is refused at once`, { skip: skipWithout(shell) }, async () => {
      const before = server.requests.length;
      const outcome = await run(planFor(archive, server), ['-t'], [shell]);
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, reason);
      assert.equal(server.requests.length, before);
      assert.deepEqual(outcome.leftBehind, []);
    });

  test('output that nobody reads: a quiet 12', async () => {
    server.fault = () => 'none';
    const plan = planFor(archive, server);
    for (const shell of SHELLS)
      for (const words of [['-t'], ['-o', '-']]) {
        const closed = ['sh', '-c', '{ "$@"; echo $? >&2; } | :', 'sh', ...shell] as const;
        const { stderr, leftBehind } = await runScript(closed, archive, plan, ['-q', ...words]);
        // A list may be short enough to get there before the reader has gone.
        assert.match(stderr, words[0] === '-t' ? /^(0|12)\n$/ : /^12\n$/, shellName(shell));
        assert.deepEqual(leftBehind, []);
      }
  });

  test('passphrases that are not UTF-8, with CRLF or a byte-order mark', async () => {
    server.fault = () => 'none';
    const plan = planFor(archive, server);
    for (const [secret, contents] of [
      ['Gr\xfc\xdfe', 'Gr\xfc\xdfe\n'],
      ['\xff\xfe\x01\x80 x', '\xff\xfe\x01\x80 x'],
      ['crlf', 'crlf\r\n'],
      ['bom', '\xef\xbb\xbfbom\n'],
    ] as const) {
      const octets = Buffer.from(secret, 'latin1');
      const bytes = gpgEncrypt(archive.environment, archive.tar, octets, 'none', archive.directory);
      server.files.set('one', bytes);
      const volumes = [
        { name: 'one', fileId: '1', encrypted: true, pieces: [{ bytes: bytes.length, sha1: sha1(bytes) }] },
      ];
      for (const shell of SHELLS) {
        const outcome = await runScript(shell, archive, { ...plan, volumes }, ['-q', '-o', '-'], {
          passphrase: Buffer.from(contents, 'latin1'),
        });
        assert.equal(outcome.status, 0, `${shellName(shell)}: ${outcome.stderr}`);
        assert.ok(outcome.stdout.equals(archive.tar));
      }
    }
  });

  test("what a server gave cannot break out of curl's configuration", () => {
    const plan = planFor(archive, server);
    assert.equal(plan.access.kind, 'token');
    for (const token of ['T"\noutput = "/tmp/x', 'a b', "a'b", 'a\\b', ''])
      assert.throws(
        () => restoreScript({ ...plan, access: { ...plan.access, token } as typeof plan.access }),
        {
          kind: 'unavailable',
        },
      );
    for (const baseUrl of [
      'https://x/"',
      'https://x/\nurl = "file:///etc/passwd',
      'file:///etc/',
      'https://x/ y',
    ])
      assert.throws(
        () => restoreScript({ ...plan, access: { ...plan.access, baseUrl } as typeof plan.access }),
        {
          kind: 'unavailable',
        },
      );
  });

  test('and a script that was tampered with, or one whose https became http, fetches nothing', () => {
    const before = server.requests.length;
    const tampered = (from: RegExp, to: string): string => {
      const plan = planFor(archive, server);
      const text = restoreScript(plan).replace(from, to);
      const { stderr, status } = spawnSync('sh', ['-s', '--', '-t', '--passphrase-file', '/dev/null', '-k'], {
        input: text,
        encoding: 'utf8',
        env: archive.environment,
      });
      assert.equal(status, 1);
      return stderr;
    };
    assert.match(tampered(/^token=.*$/m, `token='T"\noutput = "/tmp/x'`), /that is no token of B2/);
    assert.match(tampered(/^base=.*$/m, `base='http://example.org/file/'`), /a URL without https/);
    assert.match(tampered(/^base=.*$/m, `base='file:///etc/'`), /a URL without https/);
    assert.equal(server.requests.length, before);
  });
});
