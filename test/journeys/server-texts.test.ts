/** What a server says, and what others have put into the bucket, on every way out: nothing of it is obeyed by a terminal, a log or a browser. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { BUCKET, Journey } from './harness.js';

/** A title, a colour, an 8-bit CSI, text that runs backwards, markup, and a second line. */
const EVIL = '\u001b]0;owned\u0007\u001b[31m\u009b31m\u202e<script>alert(1)</script>\nforged line\r\u2028';
/** Our own line ends and indents aside. */
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

const harmless = (what: string, text: string): void => {
  assert.equal(OBEYED.exec(text), null, `${what}: ${JSON.stringify(text)}`);
  assert.doesNotMatch(text, /^forged line/m, what);
};

describe('texts from a server', () => {
  let journey: Journey;
  let server: Server;
  let url: string;
  before(async () => {
    journey = await Journey.begin();
    server = createServer((_, response) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ status: 400, code: `bad${EVIL}`, message: EVIL }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.close();
    server.closeAllConnections();
    await journey.end();
  });

  for (const words of [
    ['list'],
    ['list', '--json'],
    ['cleanup'],
    ['delete', '--age', '1', '--json', '--dry-run'],
    ['verify'],
    ['restore', '--host', 'web', '-C', '/nonexistent/target'],
    ['script', '--host', 'web'],
    ['files', '--host', 'web'],
    ['doctor'],
    ['report', '--html', '-'],
  ])
    it(`an error, as ${words.join(' ')} tells it`, async () => {
      const { status, output } = await journey.start('backuppc-b2', [
        ...words,
        ...['--endpoint', url, '--bucket', BUCKET, '--passphrase-file', journey.passphraseFile],
      ]).ended;
      assert.notEqual(status, 0);
      assert.match(output, /owned/, 'what the server said is lost');
      harmless(words.join(' '), output);
    });

  it('an error, as an archive tells it: to BackupPC, its log, hooks, metrics, the history and the report of it', async () => {
    const told = join(journey.directory, 'told');
    const metrics = join(journey.directory, 'metrics.prom');
    const flags = ['--endpoint', url, '--bucket', BUCKET, '--passphrase-file', journey.passphraseFile];
    const { status, output } = await journey.start('BackupPC_archiveHost_b2', [
      ...flags,
      ...['--on-failure', `cat > '${told}'`, '--metrics-file', metrics],
      ...journey.positionals(journey.tarOf('/etc/apt')),
    ]).ended;
    assert.notEqual(status, 0, output);
    assert.match(output, /owned/);
    harmless('output', output);
    harmless('the hook', readFileSync(told, 'utf8'));
    harmless('the metrics', readFileSync(metrics, 'utf8'));
    for (const name of readdirSync(journey.outLoc))
      if (/\.(log|jsonl)$/.test(name)) harmless(name, readFileSync(join(journey.outLoc, name), 'utf8'));
    for (const words of [
      ['report', '--html', '-'],
      ['report', '--json'],
      ['report', '--mail', 'root'],
    ]) {
      const report = await journey.companion(words, journey.outLoc);
      assert.equal(report.status, 0, report.output);
      harmless(words.join(' '), report.output);
    }
  });

  it('names and file info in the bucket, in lists and reports', async () => {
    const bucket = journey.server.bucket(BUCKET);
    const host = `h${EVIL}`.replace(/[\n\r]/g, '');
    const info = {
      ...{ 'bb2-format': '1', 'bb2-host': host, 'bb2-number': '1', 'bb2-run': `r${EVIL}` },
      ...{ 'bb2-codec': EVIL, 'bb2-profile': EVIL, 'bb2-maker': EVIL },
    };
    bucket.put(`${host}.1.tar.gpg`, Buffer.from('x'), { fileInfo: { ...info, 'bb2-volume': '0' } });
    bucket.put(`${host}.1.tar.COMPLETE`, Buffer.from('{}'), {
      fileInfo: { ...info, 'bb2-state': 'finished', 'bb2-volumes': '1', 'bb2-bytes': '1' },
    });
    for (const words of [
      ['list'],
      ['list', '--verbose'],
      ['list', '--json'],
      ['cleanup'],
      ['cleanup', '--json'],
      ['delete', '--age', '0', '--keep', '0', '--dry-run'],
      ['verify'],
      ['verify', '--json'],
      ['report', '--json'],
      ['report', '--html', '-'],
      ['report', '--mail', 'root'],
    ]) {
      const { output } = await journey.companion(words);
      harmless(words.join(' '), output);
      if (words.includes('--html')) assert.doesNotMatch(output, /<script>alert/);
      const coded = /base64\n\n([A-Za-z0-9+/=\n]+)/g;
      for (const [, part = ''] of output.matchAll(coded))
        harmless(`${words.join(' ')}, a part`, Buffer.from(part, 'base64').toString());
    }
  });
});
