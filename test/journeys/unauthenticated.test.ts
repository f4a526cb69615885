/**
 * `rfc4880` has no tags, only a code at the very end of a volume: what was decrypted before that may be anything. Damage that is found late
 * leaves nothing in the target that looks restored.
 */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { BUCKET, Journey } from './harness.js';

const NAME = 'web.12.tar.gpg';

describe('a volume without tags, changed near its end', () => {
  let journey: Journey;
  before(async () => {
    journey = await Journey.begin();
    mkdirSync(join(journey.directory, 'tree'));
    journey.write('tree/first', randomFillSync(Buffer.alloc(8_000_000)));
    journey.write('tree/second', randomFillSync(Buffer.alloc(30_000_000)));
    const words = journey.positionals(journey.tarOf(join(journey.directory, 'tree')), {
      host: 'web',
      compExt: '',
    });
    const { status, output } = await journey.archiveHost([
      '--openpgp-profile',
      'rfc4880',
      '--part-size',
      '40M',
      '--memory',
      '250M',
      ...words,
    ]).ended;
    assert.equal(status, 0, output);
    const bucket = journey.server.bucket(BUCKET);
    const bytes = bucket.file(NAME)?.contentLength ?? 0;
    // In the contents of the last file, in front of the code.
    bucket.flipBit(NAME, bytes - 100_000);
  });
  after(() => journey.end());

  const path = (name: string): string => join(journey.directory, name);
  /** In so little memory the part is opened while it comes. */
  const restore = (...words: readonly string[]) =>
    journey.companion(['restore', '--host', 'web', '--memory', '48M', ...words]);

  it("restore -C: nothing has the target's name", async () => {
    const { status, output } = await restore('-C', path('out'));
    assert.equal(status, 11, output);
    assert.ok(!existsSync(path('out')));
    if (existsSync(path('out.incomplete')))
      assert.match(output, /what came of it is in .*out\.incomplete: files may be cut/);
  });

  it('restore -C into an existing directory: a file in it says so', async () => {
    mkdirSync(path('there'));
    const { status, output } = await restore('-C', path('there'));
    assert.equal(status, 11, output);
    const left = readdirSync(path('there'));
    assert.ok(left.length === 0 || left.includes('RESTORE-INCOMPLETE'), left.join(' '));
  });

  it("restore -o: nothing has the target's name", async () => {
    const { status, output } = await restore('-o', path('out.tar'));
    assert.equal(status, 11, output);
    assert.ok(!existsSync(path('out.tar')));
  });

  it('the script: neither a directory nor a file has that name', async () => {
    const script = path('restore.sh');
    const made = await journey.companion(['script', '--host', 'web', '--output', script]);
    assert.equal(made.status, 0, made.output);
    assert.ok(readFileSync(script, 'utf8').startsWith('#!/bin/sh'));
    for (const [words, name] of [
      [['-C', path('by-script')], 'by-script'],
      [['-o', path('by-script.tar')], 'by-script.tar'],
    ] as const) {
      const run = journey.start('/bin/sh', [script, '--passphrase-file', journey.passphraseFile, ...words], {
        RESTORE_PAUSE: '0',
      });
      const { status, output } = await run.ended;
      assert.equal(status, 1, output);
      assert.ok(!existsSync(path(name)), output);
    }
  });
});
