/** Archiving a host and number again that are complete already, this time from a damaged pool: what is complete stays what names give. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { GpgHome } from '../support/gpg.js';
import { BUCKET, Journey, PASSPHRASE, type Ended } from './harness.js';

describe('an incomplete archive in place of a complete one', { concurrency: 2 }, () => {
  let journey: Journey;
  let gpg: GpgHome;
  let tree: string;
  before(async () => {
    journey = await Journey.begin();
    gpg = new GpgHome();
    tree = join(journey.directory, 'tree');
    mkdirSync(tree);
    journey.write('tree/a', randomFillSync(Buffer.alloc(13_000_000)));
  });
  after(async () => {
    gpg.remove();
    await journey.end();
  });

  const versions = (host: string): string[] =>
    journey.server
      .bucket(BUCKET)
      .versions()
      .filter(({ fileName }) => fileName.startsWith(`${host}.`))
      .map(({ fileName, fileId, action }) => `${action} ${fileName} ${fileId}`)
      .sort();
  const damaged = (): string =>
    journey.tarCreate(
      `tar -C '${tree}' --sort=name -cf - . ; echo 'Unable to open file /x' >&2; echo 'Done: 3 files, 5000 bytes, 1 dirs, 0 specials, 1 errors' >&2`,
    );
  const archive = (host: string, tarCreate: string, flags: readonly string[]): Promise<Ended> =>
    journey.archiveHost(['-v', '--part-size', '5M', ...flags, ...journey.positionals(tarCreate, { host })])
      .ended;

  const shapes: [name: string, host: string, flags: readonly string[]][] = [
    ['one volume of three parts', 'large', []],
    ['volumes of two parts, the last a plain file', 'split', ['--split-size', '6M']],
    ['volumes that are plain files', 'plain', ['--split-size', '5M']],
  ];
  for (const [name, host, flags] of shapes) {
    it(`${name}: fails, says that the complete one stays, leaves nothing`, async () => {
      const first = await archive(host, journey.tarOf(tree), flags);
      assert.equal(first.status, 0, first.output);
      const whole = versions(host);

      for (const more of [[], ['--allow-partial']]) {
        const { status, lastLine, output } = await archive(host, damaged(), ['--again', ...flags, ...more]);
        assert.equal(status, 5, output);
        assert.match(
          lastLine,
          new RegExp(
            `incomplete, not stored: tarCreate counted 1 error: Unable to open file /x; the complete archive of ${host} #12 of \\d{4}-\\d\\d-\\d\\d stays`,
          ),
        );
        assert.match(output, new RegExp(`hint: .*backuppc-b2 delete --host ${host} --number 12`));
        assert.deepEqual(versions(host), whole, 'the bucket is as it was');
        const left = readdirSync(journey.outLoc).filter((file) => file.startsWith(`${host}.`));
        assert.deepEqual(left, [], 'no journal is left');
      }
    });
  }

  it('so does a tarCreate that dies half-way under --allow-partial', async () => {
    const host = 'dies';
    assert.equal((await archive(host, journey.tarOf(tree), [])).status, 0);
    const whole = versions(host);
    const dying = journey.tarCreate(`tar -C '${tree}' --sort=name -cf - . | head -c 9000000; exit 3`);
    const { status, lastLine } = await archive(host, dying, ['--again', '--allow-partial']);
    assert.equal(status, 5);
    assert.match(lastLine, /tarCreate exited with status 3.*; the complete archive of dies #12 .* stays/);
    assert.deepEqual(versions(host), whole);
  });

  it('a partial one gives way to a partial one, and to a complete one', async () => {
    const host = 'better';
    const states: string[] = [];
    for (const tarCreate of [damaged(), damaged(), journey.tarOf(tree)]) {
      await archive(host, tarCreate, []);
      const manifest = journey.server.bucket(BUCKET).read(`${host}.12.tar.COMPLETE`).toString();
      states.push((JSON.parse(manifest) as { state: string }).state);
    }
    assert.deepEqual(states, ['partial', 'partial', 'finished']);
  });

  it('once the complete one is deleted, the incomplete one is stored', async () => {
    const host = 'gone';
    assert.equal((await archive(host, journey.tarOf(tree), [])).status, 0);
    const deleted = await journey.start('backuppc-b2', [
      ...['delete', '--host', host, '--number', '12', '--yes'],
      ...['--endpoint', journey.server.url, '--bucket', BUCKET],
    ]).ended;
    assert.equal(deleted.status, 0, deleted.output);
    const { status, lastLine } = await archive(host, damaged(), []);
    assert.equal(status, 5);
    assert.match(lastLine, /gone #12: partial, /);
    const sealed = journey.server.bucket(BUCKET).read(`${host}.12.tar.gpg`);
    assert.ok((await gpg.decrypt(sealed, PASSPHRASE)).length > 13_000_000);
  });

  it('a key that may not delete: reported, and list and restore still give the complete one', async () => {
    const host = 'append-only';
    const flags = ['--split-size', '6M'];
    assert.equal((await archive(host, journey.tarOf(tree), flags)).status, 0);
    journey.server.faults.add('delete_file_version:append-only*=401:unauthorized');
    const { status, output, lastLine } = await archive(host, damaged(), ['--again', ...flags]);
    assert.equal(status, 5, output);
    assert.match(lastLine, /the complete archive of append-only #12 .* stays/);
    assert.match(output, /could not be removed from B2 .*'backuppc-b2 cleanup' will/);
    const listed = await journey.start('backuppc-b2', [
      ...['list', '--json', '--host', host, '--endpoint', journey.server.url, '--bucket', BUCKET],
    ]).ended;
    assert.match(listed.output, /"state": "finished"/);
  });
});
