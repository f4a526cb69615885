/** The restore script with the curl of Debian 10 (7.64), and with one that is older still. */
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { piecesOf, shellQuote, type ScriptPlan } from '../../src/catalog/restore-script.js';
import { RESTORE_SCRIPT_BODY } from '../../src/catalog/restore-script-body.js';
import { sealVolume, smallEngine } from '../sealing/sealed-volume.js';
import { makeArchive, PASSPHRASE, sha1, type MadeArchive } from './archive.js';
import { downloadServer, type DownloadServer } from './download-server.js';
import { planFor, runScript } from './run.js';

/**
 * Options by the version that brought them (docs/options-in-versions of curl 8.14): all that the script uses, and what it must do without
 * on Debian 10.
 */
const ADDED_IN: Readonly<Record<string, readonly [major: number, minor: number]>> = {
  '-q': [5, 0],
  '--config': [4, 10],
  '--connect-timeout': [7, 7],
  '--fail': [4, 0],
  '--fail-early': [7, 52],
  '--header': [5, 0],
  '--max-time': [4, 0],
  '--next': [7, 36],
  '--output': [4, 0],
  '--proto': [7, 20],
  '--range': [4, 0],
  '--show-error': [5, 9],
  '--silent': [4, 0],
  '--speed-limit': [4, 7],
  '--speed-time': [4, 7],
  '--url': [7, 5],
  '--user': [4, 0],
  '--write-out': [6, 5],
};

/** What a curl of that version takes, on its command line and in its configuration. */
function takenBy(version: readonly [number, number]): string[] {
  return Object.entries(ADDED_IN)
    .filter(([, [major, minor]]) => major < version[0] || (major === version[0] && minor <= version[1]))
    .map(([option]) => option);
}

/** A `curl` that refuses, as curl does (status 2), every option that its version does not have, on the command line and in a configuration. */
function oldCurl(options: readonly string[]): string {
  const real = execFileSync('sh', ['-c', 'command -v curl'], { encoding: 'utf8' }).trim();
  const known = options.join('|');
  const keywords = options.map((option) => option.replace(/^-+/, '')).join('|');
  return `#!/bin/sh
for word; do
  case $word in ${known}) ;; -) ;; -*) echo "curl: option $word: is unknown" >&2; exit 2 ;; esac
done
config=
before=
for word; do
  [ "$before" != --config ] || config=$word
  before=$word
done
[ -n "$config" ] || exec ${shellQuote(real)} "$@"
text=$(cat -- "$config")
printf '%s\\n' "$text" | while read -r keyword rest; do
  case $keyword in ${keywords}) ;; *) echo "curl: configuration: '$keyword' is unknown" >&2; exit 2 ;; esac
done || exit 2
first=$1
shift 3
printf '%s\\n' "$text" | ${shellQuote(real)} "$first" --config - "$@"
`;
}

describe('restore script with an old curl', () => {
  const COUNT = 5;
  let archive: MadeArchive;
  let server: DownloadServer;
  let plan: ScriptPlan;

  before(async () => {
    archive = makeArchive({ volumeBytes: 1 << 30, partBytes: 1 << 30, fileBytes: 100_000 });
    server = await downloadServer();
    const engine = await smallEngine({ profile: 'librepgp', passwords: [PASSPHRASE] });
    const step = Math.ceil(archive.tar.length / COUNT);
    const volumes: ScriptPlan['volumes'][number][] = [];
    for (let index = 0; index < COUNT; index++) {
      const { message } = await sealVolume(engine, archive.tar.subarray(index * step, (index + 1) * step));
      const name = `h.1.tar/${index}.gpg`;
      server.files.set(name, message);
      const pieces = piecesOf(message.length, undefined, sha1(message));
      volumes.push({ name, fileId: name, encrypted: true, pieces });
    }
    await engine.close();
    plan = { ...planFor(archive, server), volumes };
  });
  after(async () => {
    await server.close();
    archive.dispose();
  });

  /** @returns requests and connections that it took */
  async function restored(version: readonly [number, number]) {
    const bin = join(archive.directory, `curl-${version.join('.')}`);
    mkdirSync(bin);
    writeFileSync(join(bin, 'curl'), oldCurl(takenBy(version)), { mode: 0o755 });
    server.requests = [];
    server.connections = 0;
    const outcome = await runScript('sh', archive, plan, ['-o', '-'], {
      environment: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
    });
    assert.equal(outcome.status, 0, outcome.stderr);
    assert.ok(outcome.stdout.equals(archive.tar));
    return { requests: server.requests.length, connections: server.connections };
  }

  test('7.64, of Debian 10: everything, with small volumes over one connection', async () => {
    assert.deepEqual(await restored([7, 64]), { requests: COUNT, connections: 1 });
  });

  test('7.38, of Debian 8, which has no --fail-early: the same, each volume by itself', async () => {
    assert.deepEqual(await restored([7, 38]), { requests: COUNT, connections: COUNT });
  });

  test('every option of curl in the script is one that Debian 10 has', () => {
    const calls = RESTORE_SCRIPT_BODY.replace(/\\\n/g, ' ')
      .split('\n')
      .filter((line) => /\bcurl -q /.test(line));
    assert.ok(calls.length >= 3);
    const options = calls.flatMap(
      (line) => line.slice(line.indexOf('curl -q')).match(/(?<= )--?[a-z-]+/g) ?? [],
    );
    const taken = takenBy([7, 64]);
    assert.deepEqual(
      [...new Set(options)].filter((option) => !taken.includes(option)),
      [],
    );
  });
});
