/** doctor's rehearsal leaves nothing in the bucket, however it ends. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EXIT_STATUS } from '../../src/errors.js';
import { BUCKET, Journey } from './harness.js';

describe('doctor, stopped in the middle of its rehearsal', () => {
  let journey: Journey;
  before(async () => {
    journey = await Journey.begin();
  });
  after(() => journey.end());

  for (const [moment, rule, stored] of [
    ['while what it stored is read', { on: 'download_file_by_id', when: 'answer' }, 1],
    ['between the upload and its answer', { on: 'upload_file', when: 'answer' }, 1],
    ['in the middle of the upload', { on: 'upload_file', when: 'body' }, 0],
  ] as const) {
    it(`SIGINT ${moment}: ends at once, and the bucket is as it was`, async () => {
      const held = journey.server.faults.hold(rule);
      const running = journey.start('backuppc-b2', [
        ...['doctor', '--endpoint', journey.server.url, '--bucket', BUCKET],
        ...['--passphrase-file', journey.passphraseFile, '--s2k-bytes', '16M', '--state-dir', journey.outLoc],
        ...['--backuppc-config', join(journey.directory, 'none')],
      ]);
      await Promise.race([held.reached, running.ended]);
      await running.until(() => journey.server.bucket(BUCKET).names().length === stored);
      running.kill('SIGINT');
      const { status, output, lastLine } = await running.ended;
      held.release();
      assert.equal(status, EXIT_STATUS.interrupted, output);
      assert.match(lastLine, /stopped by SIGINT/);
      assert.deepEqual(journey.server.bucket(BUCKET).names(), []);
    });
  }
});
