/** The progress line of commands that take long, as a person at a terminal sees it; and nothing of it anywhere else. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { skipWithout } from '../support/debian.js';
import { BUCKET, Journey, type Ended, type Running } from './harness.js';

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
const COLUMNS = 40;
const DRAWN = '\r\u001b[K';
/** Some of it is done, not all. */
const UNDERWAY = /\u001b\[K[1-9]\d? %, /;

/** Runs its arguments in a terminal of its own. `REDIRECTION` is the shell's. */
const IN_TERMINAL = [
  'sh',
  '-c',
  `for word do line="$line '$word'"; done; exec script -qec "stty cols ${COLUMNS}; $line $REDIRECTION" /dev/null`,
  'sh',
];

/** What stays on the screen, and what was drawn and erased again. */
function screen(output: string): { readonly left: string; readonly drawn: readonly string[] } {
  const lines = output.replaceAll('\r\n', '\n').split('\n');
  const states = lines.map((line) => line.split(DRAWN));
  const drawn = states.flatMap((line) => line.slice(0, -1)).filter((state) => state !== '');
  return { left: states.map((line) => line.at(-1) ?? '').join('\n'), drawn };
}

describe('the progress line', { skip: skipWithout('script') }, () => {
  let journey: Journey;
  let tree: string;
  before(async () => {
    journey = await Journey.begin();
    tree = join(journey.directory, 'tree');
    mkdirSync(tree);
    for (const file of 'abcdefgh') writeFileSync(join(tree, file), randomFillSync(Buffer.alloc(MIB)));
    writeFileSync(join(tree, 'words'), 'few words\n');
    await archive('12');
  });
  after(() => journey.end());

  async function archive(number: string): Promise<void> {
    const words = journey.positionals(journey.tarOf(tree), { number, splitSize: String(MIB) });
    const { status, output } = await journey.archiveHost(words).ended;
    assert.equal(status, 0, output);
  }

  function start(words: readonly string[], redirection = '', within = IN_TERMINAL): Running {
    const whole = [
      ...words,
      ...['--endpoint', journey.server.url, '--bucket', BUCKET],
      ...['--passphrase-file', journey.passphraseFile, '--state-dir', journey.outLoc],
    ];
    return journey.start('backuppc-b2', whole, { REDIRECTION: redirection }, within);
  }

  /** Holds the request until the line shows that some of the work is done. */
  async function watched(words: readonly string[], on: string, file: string): Promise<Ended> {
    const gate = journey.server.faults.hold({ on, file });
    const running = start(words);
    await running.saw(UNDERWAY);
    gate.release();
    return running.ended;
  }

  function erased({ status, output }: Ended): string {
    assert.equal(status, 0, output);
    const { left, drawn } = screen(output);
    assert.ok(drawn.length > 0, output);
    for (const line of drawn)
      assert.match(line, /^(\d+ %|\d+ archives?), \d[\d.]*( [KM]?i?B)?\/s(, [^,]+)*$/);
    for (const line of drawn) assert.ok(line.length < COLUMNS, line);
    assert.doesNotMatch(left, /%|\u001b/);
    return left;
  }

  it('restore: what is written, and then only what it always says', async () => {
    const file = join(journey.directory, 'out.tar');
    const ended = await watched(
      ['restore', '--host', 'web.example', '-o', file],
      'download_file_by_id',
      '*.ag.gpg',
    );
    const left = erased(ended);
    assert.match(left, /^volume 1 of \d+: .*\n(volume .*\n)+restored web\.example #12: .*\n$/);
    assert.equal(readFileSync(file).length % 512, 0);
  });

  it('restore of some members', async () => {
    const into = join(journey.directory, 'some');
    const ended = await start(['restore', '--host', 'web.example', 'b', '-C', into]).ended;
    assert.match(erased(ended), /^restored 1 member of web\.example #12: .*\n$/);
  });

  for (const level of [['--deep'], ['--sample', '100']])
    it(`verify ${level.join(' ')}`, async () => {
      const words = ['verify', '--host', 'web.example', ...level];
      const ended = await watched(words, 'download_file_by_id', '*.ag.gpg');
      assert.match(erased(ended), /^web\.example #12: ok \(.*\)\n$/);
    });

  it('delete', async () => {
    await archive('13');
    const words = ['delete', '--host', 'web.example', '--number', '13', '--yes'];
    const ended = await watched(words, 'delete_file_version', '*.13.*.ag.gpg');
    assert.match(erased(ended), /\ndeleted web\.example #13: \d+ objects, .*\n$/);
  });

  it('cleanup', async () => {
    await archive('14');
    const { bucket } = journey.server.bucket(BUCKET);
    assert.ok(bucket.versions.delete('web.example.14.tar.COMPLETE'));
    // Whatever was active within the last hour counts as running.
    for (const version of journey.server.bucket(BUCKET).versions())
      if (version.fileName.startsWith('web.example.14.'))
        Object.assign(version, { uploadTimestamp: version.uploadTimestamp - DAY_MS });
    const words = ['cleanup', '--older-than', '0', '--yes'];
    const ended = await watched(words, 'delete_file_version', '*.14.*.ag.gpg');
    assert.match(erased(ended), /Removed \d+ objects, .*\n$/);
  });

  it('a command that is stopped leaves nothing of it on the terminal', async () => {
    const gate = journey.server.faults.hold({ on: 'download_file_by_id', file: '*.ag.gpg' });
    const seen = join(journey.directory, 'seen');
    const running = start(
      ['verify', '--host', 'web.example', '--deep'],
      `& pid=$!; until [ -e '${seen}' ]; do sleep 0.1; done; kill $pid; wait $pid`,
    );
    await running.saw(UNDERWAY);
    writeFileSync(seen, '');
    const { status, output } = await running.ended;
    gate.release();
    assert.equal(status, 12, output);
    assert.equal(screen(output).left, 'backuppc-b2: stopped by SIGTERM\n');
  });

  for (const [what, words, redirection, within] of [
    ['JSON', ['verify', '--host', 'web.example', '--deep', '--json'], '', IN_TERMINAL],
    ['a pipe', ['verify', '--host', 'web.example', '--deep'], '2>&1 | cat', IN_TERMINAL],
    ['a log', ['verify', '--host', 'web.example', '--deep'], '', []],
    ['--quiet', ['verify', '--host', 'web.example', '--deep', '--quiet'], '', IN_TERMINAL],
    [
      'a terminal that gets the tar',
      ['restore', '--host', 'web.example', '--to-stdout', 'words'],
      '',
      IN_TERMINAL,
    ],
  ] as const)
    it(`${what}: none`, async () => {
      const { status, output } = await start(words, redirection, [...within]).ended;
      assert.equal(status, 0, output);
      assert.ok(!output.includes(DRAWN));
    });
});
