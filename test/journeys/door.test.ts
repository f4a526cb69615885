/** What BackupPC and its page may hand to the door, and when its stop may come: the exit status and the last line stay true. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { INSTALLATION_FILE } from '../../src/journal/installation.js';
import { HISTORY } from '../../src/reporting/history.js';
import { BUCKET, Journey } from './harness.js';

const with_ = (stock: readonly string[], index: number, word: string): string[] =>
  stock.map((own, i) => (i === index ? word : own));

describe("the door's arguments and signals", () => {
  let journey: Journey;
  let tree: string;
  before(async () => {
    journey = await Journey.begin();
    tree = join(journey.directory, 'tree');
    mkdirSync(tree);
    journey.write('tree/a', 'hello');
  });
  after(() => journey.end());

  it('leaves no journal where nothing was stored', async () => {
    const outLoc = join(journey.directory, 'empty');
    const failing = journey.tarCreate('echo "bad backup number 9" >&2; exit 1');
    const { status } = await journey.archiveHost(journey.positionals(failing, { outLoc })).ended;
    assert.equal(status, 4);
    assert.deepEqual(readdirSync(outLoc).sort(), [HISTORY, INSTALLATION_FILE]);
  });

  const neverZero: [name: string, words: (stock: string[]) => string[], lastLine: RegExp][] = [
    ['$parfile', (stock) => with_(stock, 9, '--version'), /finished/],
    ['$archiveloc', (stock) => with_(stock, 8, '-h'), /outLoc "-h" begins with "-"/],
    ['$host', (stock) => with_(stock, 3, '--help'), /host "--help" is not a host name/],
    ['$backupnumber', (stock) => with_(stock, 4, '-V'), /bkupNum "-V" is not a backup number/],
    [
      '--version before them',
      (stock) => ['--version', ...stock],
      /nothing was archived: the options ask for/,
    ],
    ['--help before them', (stock) => ['-q', '--help', ...stock], /nothing was archived/],
  ];
  for (const [name, words, lastLine] of neverZero) {
    it(`takes nothing that BackupPC fills in as an option: ${name}`, async () => {
      const host = `options-${name.replace(/\W/g, '')}`;
      const stock = journey.positionals(journey.tarOf(tree), { host });
      const ended = await journey.archiveHost(words(stock)).ended;
      const stored = journey.server.bucket(BUCKET).names().includes(`${host}.12.tar.COMPLETE`);
      assert.equal(ended.status === 0, stored, ended.output);
      assert.match(ended.lastLine, lastLine);
    });
  }

  it('passes the share on to tarCreate octet for octet', async () => {
    const seen = join(journey.directory, 'share');
    const tarCreate = journey.tarCreate(
      `printf %s "$7" > '${seen}'; tar -C '${tree}' -cf - . && echo 'Done: 3 files, 1 bytes, 1 dirs, 0 specials, 0 errors' >&2`,
    );
    const words = journey.positionals(tarCreate, { host: 'octets' }).slice(0, -1);
    const { status, output } = await journey.archiveHost(words, {}, [
      'sh',
      '-c',
      'exec "$0" "$@" "$(printf "caf\\351")"',
    ]).ended;
    assert.equal(status, 0, output);
    assert.equal(readFileSync(seen, 'latin1'), 'caf\xe9');
    const manifest = JSON.parse(journey.server.bucket(BUCKET).read('octets.12.tar.COMPLETE').toString()) as {
      share: string;
    };
    assert.equal(manifest.share, 'caf\\xE9');
  });

  it('passes its secrets to no program that it starts', async () => {
    const seen = join(journey.directory, 'seen');
    const tarCreate = journey.tarCreate(
      `env > '${seen}.tar'; tar -C '${tree}' -cf - . && echo 'Done: 3 files, 1 bytes, 1 dirs, 0 specials, 0 errors' >&2`,
    );
    const compressor = journey.write(
      'pipe-through',
      `#!/bin/sh\nenv > '${seen}.compress'\nexec cat\n`,
      0o755,
    );
    const { status, output } = await journey.archiveHost(
      [
        '--on-success',
        `env > '${seen}.hook'`,
        ...journey.positionals(tarCreate, { host: 'secrets', compPath: compressor, compExt: '.x' }),
      ],
      { BACKUPPC_B2_PASSPHRASE: 'correct horse' },
    ).ended;
    assert.equal(status, 0, output);
    for (const what of ['tar', 'compress', 'hook']) {
      const environment = readFileSync(`${seen}.${what}`, 'utf8');
      assert.match(environment, /^PATH=/m, what);
      assert.doesNotMatch(environment, /correct horse|B2_APPLICATION_KEY|PASSPHRASE/, what);
      assert.ok(!environment.includes(journey.server.key), what);
    }
  });

  it('says what it is about to do, what it took for something else, and that certificates are not checked', async () => {
    const stock = journey.positionals(journey.tarOf(tree), { host: 'said', splitSize: '500' });
    const { status, output } = await journey.archiveHost(
      ['--s2k-bytes', '1024', '--bwlimit', '400Mbit', ...with_(stock, 9, '10')],
      {
        NODE_TLS_REJECT_UNAUTHORIZED: '0',
      },
    ).ended;
    assert.equal(status, 0, output);
    assert.match(
      output,
      /^ {2}[-\d]+ [:\d]+ archiving said #12 to bucket backuppc-test: size unknown, compression none, OpenPGP profile librepgp, volumes of 477 MiB, upload limit 47\.7 MiB\/s \(400 Mbit\/s\)$/m,
    );
    assert.match(output, /warning: \$parfile is "10": no par2 files are made/);
    assert.equal(output.match(/\$splitsize is "500"/g)?.length, 1);
    assert.match(output, /warning: CERTIFICATES ARE NOT CHECKED/);
    assert.match(output, /warning: s2k_bytes is 1 KiB/);
  });

  for (const [type, status, lastLine] of [
    ['active', 4, /^BackupPC is still making backup 12 of typed \(type active\)$/],
    ['partial', 5, /typed #12: partial, .*BackupPC's backup 12 is of type partial/],
    ['full', 0, /typed #12: finished/],
  ] as const) {
    it(`a backup of type ${type} ends with status ${status}`, async () => {
      mkdirSync(join(journey.directory, 'data/pc/typed'), { recursive: true });
      const data = join(journey.directory, 'data');
      journey.write('data/pc/typed/backups', `12\t${type}\t1\t2\t3\t5000\n`);
      const words = journey.positionals(journey.tarOf(tree), { host: 'typed' });
      const ended = await journey.archiveHost(['--backuppc-data', data, ...words]).ended;
      assert.equal(ended.status, status, ended.output);
      assert.match(ended.lastLine, lastLine);
    });
  }

  it('a stop while Node is still loading gives a reason', async () => {
    const words = journey.positionals(journey.tarOf(tree), { host: 'early' });
    // The first line comes before anything is loaded.
    const run = journey.archiveHost(words);
    await run.saw(/starting\n/);
    run.kill('SIGTERM');
    const { status, signal, lastLine } = await run.ended;
    // Between the launcher's `exec` and our first line of JavaScript the system ends Node itself: a failure, too, and not without words.
    if (status === null) {
      assert.equal(signal, 'SIGTERM');
      assert.match(lastLine, /: starting$/);
      return;
    }
    assert.equal(status, 12);
    assert.match(
      lastLine,
      /^stopped by SIGTERM; what B2 has is kept$|^stopped by SIGTERM before anything was sent$|stopped before it began$/,
    );
  });
});
