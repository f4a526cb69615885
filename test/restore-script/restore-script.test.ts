import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  percentEncode,
  piecesOf,
  restoreScript,
  shellQuote,
  type ScriptPlan,
} from '../../src/catalog/restore-script.js';
import { sealVolume, smallEngine } from '../sealing/sealed-volume.js';
import { makeArchive, PASSPHRASE, type MadeArchive } from './archive.js';
import { downloadServer, type DownloadServer, type Fault } from './download-server.js';
import { HOST, planFor, runScript } from './run.js';
import { BUSYBOX_ALONE, shellName, SHELLS, withTools } from './shells.js';
import { skipWithout } from '../support/debian.js';

/** Two of the usual kind, and the one that differs most. */
const THREE = SHELLS.filter((shell) => ['dash', 'bash'].includes(shell[0]) || BUSYBOX_ALONE.includes(shell));

function sameTree(a: string, b: string): void {
  assert.equal(spawnSync('diff', ['-r', a, b], { encoding: 'utf8' }).stdout, '');
}

for (const shell of THREE) {
  describe(`restore script under ${shellName(shell)}`, () => {
    let archive: MadeArchive;
    let server: DownloadServer;
    let plan: ScriptPlan;
    let nth = 0;
    const target = (): string => join(archive.directory, `target ${++nth}`);

    before(async () => {
      archive = makeArchive({ compress: ['gzip', '-c'], volumeBytes: 120_000, partBytes: 50_000 });
      server = await downloadServer();
    });
    after(async () => {
      await server.close();
      archive.dispose();
    });
    const fresh = (more: Partial<ScriptPlan> = {}): void => {
      server.files.clear();
      server.requests = [];
      server.fault = () => 'none';
      plan = planFor(archive, server, { decompress: ['gzip', '-dc'], ...more });
    };

    test('restores everything, whatever quotes, dollars and newlines are in the names', async () => {
      fresh();
      const directory = target();
      const { status, stderr, leftBehind } = await runScript(shell, archive, plan, ['-C', directory]);
      assert.equal(status, 0, stderr);
      sameTree(archive.source, directory);
      assert.deepEqual(leftBehind, []);
      assert.equal(server.requests.length, archive.volumes.flatMap(({ parts }) => parts).length);
    });

    test('resumes after broken transfers, 503, 429, damaged bytes and empty responses, from where it stopped', async () => {
      fresh();
      const faults: readonly Fault[] = ['503', 'cut', '429', 'none', 'flip', 'empty', 'cut', 'none'];
      server.fault = (request) => faults[request % faults.length] ?? 'none';
      const directory = target();
      const { status, stderr } = await runScript(shell, archive, plan, [directory]);
      assert.equal(status, 0, stderr);
      sameTree(archive.source, directory);
      for (const code of [503, 429]) assert.ok(server.requests.some((request) => request.status === code));
      assert.match(stderr, /came damaged, fetching them again/);
      // Resumed in the middle of a piece, not fetched again from its beginning.
      assert.ok(server.requests.some(({ range }) => Number(/\d+/.exec(range)?.[0]) % 50_000 !== 0));
    });

    test('a whole file instead of the requested range is not taken for the range', async () => {
      fresh();
      server.fault = (request) => (request % 3 === 2 ? 'whole' : 'none');
      const { status, stderr } = await runScript(shell, archive, plan, [target()]);
      assert.equal(status, 0, stderr);
    });

    test('-t lists, -x picks, -o keeps the tar', async () => {
      fresh();
      const listed = await runScript(shell, archive, plan, ['-t', '-q']);
      assert.equal(listed.status, 0, listed.stderr);
      assert.match(listed.stdout.toString(), /^\.\/share\/random$/m);
      assert.equal(listed.stderr, '');

      const directory = target();
      const picked = await runScript(shell, archive, plan, [
        '-C',
        directory,
        '-x',
        `./share/it's $HOME "x" \`y\``,
        './share/sub dir/-rf',
      ]);
      assert.equal(picked.status, 0, picked.stderr);
      assert.equal(readFileSync(join(directory, 'share', `it's $HOME "x" \`y\``), 'utf8'), 'quotes');
      assert.ok(existsSync(join(directory, 'share', 'sub dir', '-rf')));
      assert.ok(!existsSync(join(directory, 'share', 'random')));

      const file = target();
      const kept = await runScript(shell, archive, plan, ['-o', file]);
      assert.equal(kept.status, 0, kept.stderr);
      assert.ok(readFileSync(file).equals(archive.tar));
      const out = await runScript(shell, archive, plan, ['-o', '-']);
      assert.ok(out.stdout.equals(archive.tar));
    });

    test('a wrong passphrase is named as the cause, last line, and the status says failure', async () => {
      fresh();
      const { status, stderr, leftBehind } = await runScript(shell, archive, plan, [target()], {
        passphrase: 'wrong',
      });
      assert.equal(status, 1);
      assert.match(
        stderr.trim().split('\n').at(-1) ?? '',
        /failed: decryption of volume 1 .*wrong passphrase$/,
      );
      assert.deepEqual(leftBehind, []);
    });

    test('every failure names its step and ends with a failing status', async () => {
      const last = ({ stderr }: { stderr: string }): string => stderr.trim().split('\n').at(-1) ?? '';
      const fails = async (words: readonly string[], pattern: RegExp, more = {}): Promise<void> => {
        const outcome = await runScript(shell, archive, plan, words, more);
        assert.notEqual(outcome.status, 0, outcome.stderr);
        assert.match(last(outcome), pattern);
        assert.deepEqual(outcome.leftBehind, []);
      };
      fresh();
      server.fault = () => '401';
      await fails([target()], /download of volume 1 .*token \(HTTP 401\)/);
      server.fault = () => '403';
      await fails([target()], /download of volume 1 .*HTTP 403.*cap/);
      server.fault = () => '404';
      await fails([target()], /download of volume 1 .*not there any more/);
      server.fault = () => 'flip';
      await fails([target()], /SHA-1 of bytes 0-49999 is [0-9a-f]{40} instead of/);
      server.fault = (_request, name) => (name.includes('.ab.') ? '503' : 'none');
      await fails([target()], /download of volume 2 .*no progress in 10 tries.*HTTP 503/);
      server.fault = () => 'none';
      await fails([target(), '-x', './no such member'], /tar: status [12]/);
      await fails(['-t', '-o', 'x', '-x'], /-x needs at least one PATH/);
      await fails([], /no target directory given/);
      await fails(['--nonsense'], /unknown option --nonsense/);
      const used = target();
      mkdirSync(used);
      writeFileSync(join(used, '.hidden'), '');
      await fails(['-C', used], /is not empty/);
      await fails(['-o', join(used, '.hidden')], /exists already/);
      await fails([join(used, '.hidden', 'below')], /cannot make the directory/);
    });

    test('damaged ciphertext under a matching SHA-1 is found by gpg, and reported', async () => {
      fresh();
      const [first, second] = plan.volumes;
      assert.ok(first && second);
      const bad = Buffer.from(server.files.get(second.name) ?? []);
      bad[bad.length - 30] = (bad[bad.length - 30] ?? 0) ^ 1;
      server.files.set(second.name, bad);
      const unhashed = { ...second, pieces: [{ bytes: bad.length, sha1: undefined }] };
      const outcome = await runScript(
        shell,
        archive,
        { ...plan, volumes: [first, unhashed, ...plan.volumes.slice(2)] },
        [target()],
      );
      assert.notEqual(outcome.status, 0);
      assert.match(outcome.stderr, /failed: decryption of volume 2/);
    });

    test('a compressed stream that ends early makes the decompression fail', async () => {
      fresh();
      const outcome = await runScript(shell, archive, { ...plan, volumes: plan.volumes.slice(0, -1) }, [
        target(),
      ]);
      assert.notEqual(outcome.status, 0);
      assert.match(outcome.stderr, /failed: decompression: status 1/);
    });

    test('an expired script says so before it asks for anything', async () => {
      fresh();
      const access = {
        kind: 'token',
        token: server.token,
        baseUrl: server.baseUrl,
        expiresAt: 1_000_000_000,
      } as const;
      const outcome = await runScript(shell, archive, { ...plan, access }, [target()]);
      assert.equal(outcome.status, 1);
      assert.match(outcome.stderr, /this script expired on 2001-09-09 01:46 UTC/);
      assert.equal(server.requests.length, 0);
    });

    test('a missing tool is named before anything is fetched', async () => {
      fresh({ decompress: ['no-such-unpacker', '-dc'] });
      const outcome = await runScript(shell, archive, plan, [target()]);
      assert.match(outcome.stderr, /not installed: no-such-unpacker/);
      assert.equal(server.requests.length, 0);
    });

    test('a gpg that is too old is named before anything is fetched', async () => {
      fresh({ gpgVersion: [9, 0, 0] });
      const outcome = await runScript(shell, archive, plan, [target()]);
      assert.match(outcome.stderr, /gpg is too old: this archive needs 9\.0\.0/);
    });

    test('an archive that is not finished is restored with a warning, first and last', async () => {
      fresh({ problems: ['partial', "1 file could not be read: it's gone"] });
      const outcome = await runScript(shell, archive, plan, [target()]);
      assert.equal(outcome.status, 5, outcome.stderr);
      assert.equal(
        outcome.stderr.match(/WARNING: this archive is not complete: partial; 1 file/g)?.length,
        2,
      );
    });

    test('the token and the passphrase are never in the list of processes', async () => {
      fresh();
      // A curl and a gpg that note their arguments and environment, then are the real ones.
      const bin = target();
      mkdirSync(bin);
      const log = join(bin, 'log');
      for (const tool of ['curl', 'gpg']) {
        const real = execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim();
        writeFileSync(
          join(bin, tool),
          `#!/bin/sh\n{ echo "$0 $*"; env; } >>${shellQuote(log)}\nexec ${real} "$@"\n`,
          { mode: 0o755 },
        );
      }
      const outcome = await runScript(withTools(shell, bin), archive, plan, [target()]);
      assert.equal(outcome.status, 0, outcome.stderr);
      const seen = readFileSync(log, 'utf8');
      assert.match(seen, /curl/);
      assert.match(seen, /gpg/);
      assert.ok(!seen.includes(server.token));
      assert.ok(!seen.includes(PASSPHRASE.trim()));
    });
  });
}

describe('restore script', () => {
  test(
    'one passphrase prompt per volume: it asks once, on the terminal, without showing it',
    { skip: skipWithout('script') },
    async () => {
      const archive = makeArchive({ volumeBytes: 100_000, partBytes: 100_000 });
      const server = await downloadServer();
      try {
        const file = join(archive.directory, 'restore.sh');
        writeFileSync(file, restoreScript(planFor(archive, server)));
        const child = spawn('script', ['-qec', `sh ${file} -o ${archive.directory}/out.tar`, '/dev/null'], {
          env: { ...archive.environment, RESTORE_PAUSE: '0' },
          stdio: ['pipe', 'pipe', 'inherit'],
        });
        let seen = '';
        child.stdout.on('data', (chunk: Buffer) => {
          const asked = seen.includes('Passphrase');
          seen += chunk.toString();
          if (!asked && seen.includes('Passphrase')) child.stdin.write(`${PASSPHRASE}\n`);
        });
        const status = await new Promise((resolve) => child.on('close', resolve));
        assert.equal(status, 0, seen);
        assert.equal(seen.match(/Passphrase/g)?.length, 1);
        assert.ok(!seen.includes(PASSPHRASE.trim()));
        assert.ok(archive.volumes.length > 2);
        assert.ok(readFileSync(join(archive.directory, 'out.tar')).equals(archive.tar));
      } finally {
        await server.close();
        archive.dispose();
      }
    },
  );

  test('volumes of our own profiles: restored; a wrong passphrase and one flipped bit are reported, though gpg says DECRYPTION_OKAY', async () => {
    for (const profile of ['librepgp', 'rfc4880'] as const) {
      const archive = makeArchive({ volumeBytes: 1 << 30, partBytes: 1 << 30, fileBytes: 50_000 });
      const server = await downloadServer();
      const engine = await smallEngine({ profile, passwords: [PASSPHRASE] });
      try {
        const sealed = [
          await sealVolume(engine, archive.tar.subarray(0, 30_000)),
          await sealVolume(engine, archive.tar.subarray(30_000)),
        ];
        const volumes = sealed.map(({ message, parts, sha1s }, i) => {
          server.files.set(`v${i}`, message);
          const known = parts.map((part, p) => [part.length, sha1s[p] ?? ''] as const);
          return {
            name: `v${i}`,
            fileId: `v${i}`,
            encrypted: true,
            pieces: piecesOf(message.length, known, undefined),
          };
        });
        const plan = { ...planFor(archive, server), volumes };
        const whole = await runScript('sh', archive, plan, ['-o', '-']);
        assert.equal(whole.status, 0, whole.stderr);
        assert.ok(whole.stdout.equals(archive.tar));

        const wrong = await runScript('sh', archive, plan, ['-o', '-'], { passphrase: 'wrong' });
        assert.equal(wrong.status, 1);
        assert.match(wrong.stderr, /failed: decryption of volume 1 .*wrong passphrase/);

        const bad = Buffer.from(server.files.get('v1') ?? []);
        bad[9000] = (bad[9000] ?? 0) ^ 1;
        server.files.set('v1', bad);
        const [first, second] = volumes;
        assert.ok(first && second);
        const unhashed = { ...second, pieces: piecesOf(bad.length, undefined, undefined) };
        const damaged = await runScript('sh', archive, { ...plan, volumes: [first, unhashed] }, ['-o', '-']);
        assert.equal(damaged.status, 1);
        assert.match(damaged.stderr, /failed: decryption of volume 2 /);
      } finally {
        await engine.close();
        await server.close();
        archive.dispose();
      }
    }
  });

  test('volumes of the older Python scripts: plain tar, compressed by gpg inside, some not encrypted', async () => {
    for (const gpgCompression of ['zlib', 'bzip2'] as const) {
      const archive = makeArchive({ gpgCompression, volumeBytes: 150_000, partBytes: 1 << 30 });
      const server = await downloadServer();
      try {
        const outcome = await runScript('sh', archive, planFor(archive, server), ['-o', '-']);
        assert.equal(outcome.status, 0, outcome.stderr);
        assert.ok(outcome.stdout.equals(archive.tar));
      } finally {
        await server.close();
        archive.dispose();
      }
    }
  });

  test('an archive that is not encrypted needs neither gpg nor a passphrase', async () => {
    const archive = makeArchive({ volumeBytes: 1 << 30, partBytes: 1 << 30 });
    const server = await downloadServer();
    try {
      const plan = planFor(archive, server);
      server.files.set('plain', archive.tar);
      const volumes = [
        {
          name: 'plain',
          fileId: '1',
          encrypted: false,
          pieces: [{ bytes: archive.tar.length, sha1: undefined }],
        },
      ];
      const outcome = await runScript('sh', archive, { ...plan, volumes }, ['-o', '-']);
      assert.equal(outcome.status, 0, outcome.stderr);
      assert.ok(outcome.stdout.equals(archive.tar));
    } finally {
      await server.close();
      archive.dispose();
    }
  });

  test(
    'shellcheck finds nothing in the program that all scripts share',
    { skip: skipWithout('shellcheck') },
    () => {
      const checked = spawnSync('shellcheck', ['src/catalog/restore-script.sh'], { encoding: 'utf8' });
      assert.equal(checked.stdout, '');
      assert.equal(checked.status, 0);
    },
  );

  test('shellcheck finds nothing, with a token and with a key', { skip: skipWithout('shellcheck') }, () => {
    const base: ScriptPlan = {
      host: HOST,
      number: 1,
      program: 'backuppc-b2 test',
      madeAt: 0,
      storedAt: 0,
      problems: ['one', "two's"],
      access: { kind: 'token', token: 'T', baseUrl: 'https://f001.example/file/bucket/', expiresAt: 1 },
      decompress: ['zstd', '-dcq'],
      gpgVersion: [2, 2, 21],
      volumes: [
        {
          name: `${HOST}.1.tar.aa.gpg`,
          fileId: '4_z',
          encrypted: true,
          pieces: [{ bytes: 5, sha1: undefined }],
        },
      ],
    };
    for (const plan of [
      base,
      { ...base, access: { kind: 'key', authorizeUrl: 'https://api.example' } as const },
    ]) {
      const checked = spawnSync('shellcheck', ['-s', 'sh', '-'], {
        input: restoreScript(plan),
        encoding: 'utf8',
      });
      assert.equal(checked.stdout, '');
      assert.equal(checked.status, 0);
    }
  });

  test('shellQuote survives the shell, whatever the text', () => {
    for (const text of [
      '',
      "'",
      `a'b'c`,
      '$(x)',
      '`x`',
      '\\',
      '\n\n',
      '"',
      '-n',
      '*',
      '~',
      '\u00e9\u4e2d',
      "''\\''",
    ]) {
      assert.equal(execFileSync('sh', ['-c', `printf %s ${shellQuote(text)}`], { encoding: 'utf8' }), text);
    }
    assert.throws(() => shellQuote('a\0b'));
  });

  test('encodeName leaves only unreserved characters and slashes', () => {
    assert.equal(percentEncode(`a/b c'd"e\\f$g(h)!*~é`), 'a/b%20c%27d%22e%5Cf%24g%28h%29%21%2A~%C3%A9');
  });
});
