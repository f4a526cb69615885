/** `--reuse`: what the next archive knows of the earlier ones, where the state file is lost, wrong or of another host. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { HOST, SmallVolumes } from './small-volumes.js';

describe('what the earlier archive has', () => {
  let site: SmallVolumes;
  beforeEach(async () => {
    site = await SmallVolumes.begin();
  });
  afterEach(() => site.end());

  it('a lost or damaged state file, another machine: the newest archive tells what it has', async () => {
    await site.stored(1);
    const copiesAll = async (number: number, flags: readonly string[], reason: RegExp): Promise<void> => {
      const [uploaded, copied] = [site.uploads, site.copies];
      const ended = await site.stored(number, flags);
      assert.match(ended.output, reason);
      assert.equal(site.uploads, uploaded);
      assert.equal(site.copies - copied, site.volumes(number).length);
      assert.ok((await site.byHand(number)).equals(site.tarOfTree()));
    };
    writeFileSync(site.known(), 'rubbish\n', { mode: 0o600 });
    await copiesAll(2, [], /cannot be used[^]*what web #1 has is known again from its sealed manifest/);
    rmSync(site.known());
    await copiesAll(3, [], /what web #2 has is known again/);
    const elsewhere = join(site.journey.directory, 'another-machine');
    mkdirSync(elsewhere);
    await copiesAll(4, ['--state-dir', elsewhere], /what web #3 has is known again/);
    // And so the first machine, which knows #3 only, copies from there.
    await copiesAll(5, [], /finished/);
  });

  it('where no key opens the sealed manifests, a lost state file has everything sent once, and the log says why', async () => {
    const { journey } = site;
    const dump = journey.write('dump', randomFillSync(Buffer.alloc(1_000_000)));
    const first = await site.dump(1, journey.passphraseFile, dump);
    assert.equal(first.status, 0, first.output);
    rmSync(site.known('db'));
    const uploaded = site.uploads;
    const ended = await site.dump(2, journey.write('other', 'another passphrase\n', 0o600), dump);
    assert.match(ended.output, /no earlier archive of db tells what it has \(#1: .*sends everything once/);
    assert.equal(site.copies, 0);
    const volumes = site.volumes(2, 'db').length;
    assert.ok(volumes > 1);
    assert.equal(site.uploads - uploaded, volumes);
  });

  it('archived from two servers at the same time: both archives are whole, and the next ones go on from either', async () => {
    const { journey } = site;
    await site.stored(1);
    writeFileSync(join(site.tree, 'd1', 'f1'), 'changed');
    const elsewhere = join(journey.directory, 'another-server');
    mkdirSync(elsewhere);
    copyFileSync(site.known(), join(elsewhere, basename(site.known())));
    const { server } = journey;
    // Nothing is stored before both have looked into the bucket.
    const held = (['copy_file', 'upload_file'] as const).map((on) => server.faults.hold({ on }));
    const both = [site.start(2), site.start(2, ['--state-dir', elsewhere])];
    const asked = (): (string | undefined)[] =>
      server.requests.filter(({ operation }) => operation === 'b2_copy_file').map(({ fileName }) => fileName);
    await Promise.all(both.map((run) => run.until(() => new Set(asked()).size < asked().length)));
    for (const line of held) line.release();
    for (const { ended } of both) {
      const { status, output } = await ended;
      assert.equal(status, 0, output);
    }
    const allVerify = async (): Promise<void> => {
      const words = ['verify', '--host', HOST, '--deep'];
      const { status, output } = await journey.companion(words, journey.outLoc);
      assert.equal(status, 0, output);
    };
    await allVerify();
    assert.ok((await site.byHand(2)).equals(site.tarOfTree()));
    const count = site.uploads;
    await site.stored(3);
    await site.stored(4, ['--state-dir', elsewhere]);
    assert.equal(site.uploads, count);
    for (const number of [3, 4]) assert.ok((await site.byHand(number)).equals(site.tarOfTree()));
    await allVerify();
  });

  for (const [what, shiftMs] of [
    ['years behind', -4e11],
    ['years ahead', 4e11],
  ] as const) {
    it(`a clock that is ${what}: B2's own counts ages, and everything is copied`, async () => {
      await site.stored(1);
      const code = `const now = Date.now; Date.now = () => now() + ${shiftMs};`;
      const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
      const count = site.uploads;
      for (const number of [2, 3]) {
        const ended = await site.stored(number, [], {}, env);
        assert.doesNotMatch(ended.output, /because of their age/);
      }
      assert.equal(site.uploads, count);
      assert.ok((await site.byHand(3)).equals(site.tarOfTree()));
    });
  }

  it('hosts whose names begin with each other, and a state file under the wrong name: each knows its own', async () => {
    const hosts = ['web', 'web.1', 'web.1.tar.2'];
    const all = async (number: number): Promise<string[]> => {
      const outputs: string[] = [];
      for (const host of hosts) {
        writeFileSync(join(site.tree, 'd1', 'f1'), host);
        outputs.push((await site.stored(number, [], { host })).output);
      }
      return outputs;
    };
    await all(1);
    const count = site.uploads;
    await all(2);
    assert.ok(site.uploads - count <= 2 * hosts.length, 'no more than the changed file and its directory');
    // Lost: each is told again by its own archive.
    for (const host of hosts) rmSync(site.known(host));
    const again = await all(3);
    for (const [at, host] of hosts.entries())
      assert.ok(again[at]?.includes(`what ${host} #2 has is known again`), again[at]);
    copyFileSync(site.known(), site.known('db'));
    const ended = await site.stored(1, [], { host: 'db' });
    assert.match(ended.output, /nothing of web #3 can be copied: it belongs to web in /);
  });
});
