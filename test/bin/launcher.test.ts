/** The launcher: it finds a Node that will do, and whatever goes wrong before that ends with a line that says it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { skipWithout } from '../support/debian.js';

const DOOR = fileURLToPath(new URL('../../bin/BackupPC_archiveHost_b2', import.meta.url));
const LAUNCHER = fileURLToPath(new URL('../../../src/bin/launcher.sh', import.meta.url));

describe('launcher', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'launcher-'));
  after(() => {
    rmSync(scratch, { recursive: true });
  });

  /** An installation of which only the launcher is real: it finds the Nodes that are given, and no other. */
  let installations = 0;
  function install(nodes: Readonly<Record<string, string>>): { program: string; path: string } {
    const home = join(scratch, String(installations++));
    const [bin, path] = [join(home, 'dist/bin'), join(home, 'path')];
    mkdirSync(bin, { recursive: true });
    mkdirSync(path);
    writeFileSync(join(home, 'package.json'), '{\n  "version": "9.8.7"\n}\n');
    const program = join(bin, 'BackupPC_archiveHost_b2');
    const script = spawnSync('sed', [
      '-e',
      's,/usr/bin/node[a-z]*,,g; s,/usr/local/bin/node,,; s,/opt/node/bin/node,,',
      LAUNCHER,
    ]).stdout;
    writeFileSync(program, script);
    chmodSync(program, 0o755);
    for (const [name, version] of Object.entries(nodes)) {
      writeFileSync(
        join(path, name),
        `#!/bin/sh\nif [ "$1" = --version ]; then echo '${version}'; else echo "ran ${name}"; fi\n`,
      );
      chmodSync(join(path, name), 0o755);
    }
    return { program, path };
  }

  function run(
    { program, path }: { program: string; path: string },
    env: Readonly<Record<string, string>> = {},
  ): { status: number | null; lines: string[] } {
    const words = Array.from({ length: 11 }, () => 'word');
    const { status, stdout } = spawnSync(program, words, {
      env: { PATH: `${path}:/bin:/usr/bin`, ...env },
      encoding: 'utf8',
    });
    return { status, lines: stdout.trimEnd().split('\n') };
  }

  it('takes a Node that is new enough, whatever comes before it', () => {
    for (const version of ['v20.19.0', 'v20.20.2', 'v22.0.0', 'v24.1.0-nightly1']) {
      const { status, lines } = run(install({ node: version }));
      assert.equal(status, 0, version);
      assert.deepEqual(lines, ['  backuppc-b2 9.8.7: starting', 'ran node']);
    }
    const both = install({ node: 'v22.1.0', old: 'v18.19.0' });
    assert.deepEqual(run(both, { BACKUPPC_B2_NODE: join(both.path, 'old') }).lines.at(-1), 'ran node');
  });

  it('an old Node, and what is not Node: one clear line, the status for local trouble, no stack', () => {
    for (const version of ['v18.19.0', 'v20.18.3', 'v8.17.0', 'no version', '']) {
      const { status, lines } = run(install({ node: version }));
      assert.equal(status, 9, version);
      assert.match(
        lines.at(-1) ?? '',
        /^BackupPC_archiveHost_b2: Node\.js 20\.19 or later not found \(.*node is /,
      );
      assert.equal(lines.length, 3);
    }
  });

  it('too few open files: reported before Node crashes', () => {
    const { stdout, status } = spawnSync('sh', ['-c', 'ulimit -n 40; exec "$0" --version', DOOR], {
      encoding: 'utf8',
      env: { PATH: '/bin:/usr/bin', BACKUPPC_B2_NODE: process.execPath },
    });
    assert.equal(status, 9);
    assert.match(
      stdout.trimEnd().split('\n').at(-1) ?? '',
      /no more than 40 files may be open at once; 256 are needed/,
    );
  });

  it('too little address space: the same', () => {
    const { stdout, status } = spawnSync('sh', ['-c', 'ulimit -v 2000000; exec "$0" --version', DOOR], {
      encoding: 'utf8',
      env: { PATH: '/bin:/usr/bin', BACKUPPC_B2_NODE: process.execPath },
    });
    assert.equal(status, 9, stdout);
    assert.match(
      stdout,
      /no more than 2000000 KiB of address space may be used; Node\.js reserves 3000000\n$/,
    );
  });

  it('a stop before Node runs gives a reason, too', () => {
    const { program, path } = install({ node: 'v22.0.0' });
    // A Node that is asked for its version sends the launcher what BackupPC would.
    writeFileSync(
      join(path, 'node'),
      '#!/bin/sh\nfor pid in $PPID $(ps -o ppid= $PPID); do grep -q BackupPC_archiveHost /proc/$pid/cmdline && kill -INT $pid; done\n',
    );
    const { status, lines } = run({ program, path });
    assert.equal(status, 12);
    assert.equal(lines.at(-1), 'BackupPC_archiveHost_b2: stopped before it began');
  });

  it('is clean for shellcheck', { skip: skipWithout('shellcheck') }, () => {
    const { status, stdout } = spawnSync('shellcheck', [LAUNCHER], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  });
});
