/** Whoever owns a host that is backed up chooses names and contents; whoever can write to the bucket chooses more. Neither leads a restore out of
 * its directory, or speaks to a terminal. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { BUCKET, Journey } from './harness.js';

const ESCAPE = '\u001b]0;owned\u0007\u001b[31m\u009b31m\u202e';
/** What a terminal obeys, or what turns the direction of writing. */

const UNPRINTABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

describe('names of others', () => {
  let journey: Journey;
  let outside: string;
  before(async () => {
    journey = await Journey.begin();
    outside = join(journey.directory, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'victim'), 'as it was');
    const tree = join(journey.directory, 'tree');
    mkdirSync(join(tree, 'd'), { recursive: true });
    writeFileSync(join(tree, 'evil'), 'written by a member');
    writeFileSync(join(tree, 'd', 'victim'), 'written through a link');
    writeFileSync(join(tree, `name${ESCAPE}`), 'x');
    writeFileSync(join(tree, 'honest'), 'y');
    const links = join(journey.directory, 'links');
    mkdirSync(links);
    symlinkSync(outside, join(links, 'd'));
    const tar = join(journey.directory, 'evil.tar');
    const make = (directory: string, ...words: string[]): void => {
      execFileSync('tar', ['-P', '-C', directory, '-rf', tar, ...words]);
    };
    // A member above the target, an absolute one, a link, and a member through that link.
    make(tree, '--transform=s#^evil#../above#', 'evil');
    make(tree, `--transform=s#^evil#${outside}/absolute#`, 'evil');
    make(links, 'd');
    make(tree, 'd/victim');
    make(tree, '--transform=s#^evil#d/../../outside/dotted#', 'evil');
    make(tree, `name${ESCAPE}`, 'honest');
    const tarCreate = journey.tarCreate(
      `cat '${tar}' && echo 'Done: 6 files, 50 bytes, 1 dirs, 0 specials, 0 errors' >&2`,
    );
    const words = journey.positionals(tarCreate, { host: 'web', compExt: '' });
    const { status, output } = await journey.archiveHost(words).ended;
    assert.equal(status, 0, output);
  });
  after(() => journey.end());

  const untouched = (): void => {
    assert.deepEqual(execFileSync('ls', [outside]).toString(), 'victim\n');
    assert.equal(readFileSync(join(outside, 'victim'), 'utf8'), 'as it was');
  };

  it('restore -C, all of it and by name', async () => {
    for (const [nth, paths] of [[], ['.'], ['d'], ['honest', 'd/victim']].entries()) {
      const into = join(journey.directory, `restored-${nth}`, 'out');
      await journey.companion(['restore', '--host', 'web', '-C', into, ...paths]);
      untouched();
      assert.ok(!existsSync(join(journey.directory, `restored-${nth}`, 'above')));
    }
  });

  it('the restore script', async () => {
    const script = join(journey.directory, 'restore.sh');
    const made = await journey.companion(['script', '--host', 'web', '--output', script]);
    assert.equal(made.status, 0, made.output);
    const into = join(journey.directory, 'by-script', 'out');
    await journey.start('/bin/sh', [script, '--passphrase-file', journey.passphraseFile, '-C', into]).ended;
    untouched();
    assert.ok(!existsSync(join(journey.directory, 'by-script', 'above')));
  });

  it('what is printed: files, list, verify, JSON, script, errors', async () => {
    const bucket = journey.server.bucket(BUCKET);
    const fileInfo = {
      'bb2-format': '1',
      'bb2-host': `h${ESCAPE}`,
      'bb2-number': '1',
      'bb2-run': `r${ESCAPE}`,
    };
    bucket.put(`h${ESCAPE}.1.tar.aa.gpg`, Buffer.from('x'), { fileInfo: { ...fileInfo, 'bb2-volume': '0' } });
    bucket.put(`h${ESCAPE}.1.tar.COMPLETE`, Buffer.from('{}'), {
      fileInfo: { ...fileInfo, 'bb2-state': 'finished', 'bb2-volumes': '1', 'bb2-codec': `c${ESCAPE}` },
    });
    const of = ['--host', `h${ESCAPE}`, '--number', '1'];
    const script = join(journey.directory, 'shown.sh');
    for (const words of [
      ['files', '--host', 'web'],
      ['files', '--host', 'web', '-l'],
      ['files', '--host', 'web', '--json'],
      ['list'],
      ['list', '-v'],
      ['list', '--json'],
      ['verify'],
      ['verify', '--json'],
      ['report', '--text'],
      ['cleanup', '--older-than', '0'],
      ['delete', '--age', '0', '--dry-run'],
      ['restore', ...of, '-o', join(journey.directory, 'none.tar')],
      ['script', ...of, '--no-token', '--unfinalized', '--allow-unproven', '--output', script],
      ['files', ...of],
    ]) {
      const { output } = await journey.companion(words);
      const shown = UNPRINTABLE.exec(output);
      assert.equal(shown, null, `${words.join(' ')}: ${JSON.stringify(output)}`);
    }
    if (existsSync(script)) {
      assert.equal(UNPRINTABLE.exec(readFileSync(script, 'utf8')), null);
      assert.equal(spawnSync('sh', ['-n', script]).status, 0);
    }
  });

  it('something of somebody else under the name of a restore: not written to, not gone on from', async () => {
    const target = join(journey.directory, 'out.tar');
    const victim = journey.write('diary', 'my diary');
    symlinkSync(victim, `${target}.part`);
    const { status, output } = await journey.companion(['restore', '--host', 'web', '-o', target]);
    assert.equal(status, 9, output);
    assert.equal(readFileSync(victim, 'utf8'), 'my diary');
    assert.ok(!existsSync(target));
  });
});
