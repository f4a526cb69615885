/** What the report says, and that nothing that is put into it becomes markup. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { report } from '../../src/cli/report.js';
import { reportFacts } from '../../src/report/facts.js';
import { reportMail } from '../../src/report/mail.js';
import { reportPage, verdict } from '../../src/report/page.js';
import { parseHistory, readHistory, remember } from '../../src/reporting/history.js';
import { testContext } from '../cli/context.js';
import { addArchive } from '../cli/memory-store.js';
import { account, archive, request, run } from './sample.js';

const scratch = mkdtempSync(join(tmpdir(), 'bb2-report-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

test('a host is fine, late or without an archive, judged by its newest finished one', () => {
  const { hosts, odd } = reportFacts(
    request({
      archives: [
        archive('well', 2, 1),
        archive('late', 9, 20),
        archive('late', 10, 2, { state: 'partial', problems: ['files were missing'] }),
        archive('never', 1, 1, { state: 'damaged', problems: ['1 of 3 volumes missing: 2'] }),
      ],
      history: [run('failing', 3, 1, { state: 'failed', reasons: ['no such host'] })],
    }),
  );
  assert.deepEqual(
    hosts.map(({ host, standing, newestNumber }) => [host, standing, newestNumber]),
    [
      ['failing', 'never', undefined],
      ['late', 'late', 9],
      ['never', 'never', undefined],
      ['well', 'well', 2],
    ],
  );
  assert.deepEqual(
    new Set(odd),
    new Set([
      'failing: no finished archive',
      'late: the newest finished archive is 20 days old',
      'never: no finished archive',
      'failing #3: the last run failed: no such host',
      'never #1: damaged, 1 of 3 volumes missing: 2',
      'late #10: partial, files were missing',
    ]),
  );
});

test('the calendar has a box for each day, filled by the best that ended on it', () => {
  const { hosts } = reportFacts(
    request({
      days: 3,
      archives: [archive('web', 1, 1, { state: 'partial' }), archive('web', 2, 1), archive('web', 3, 40)],
    }),
  );
  assert.deepEqual(hosts[0]?.calendar, [
    { day: '2026-11-24', state: undefined, number: undefined },
    { day: '2026-11-25', state: 'finished', number: 2 },
    { day: '2026-11-26', state: undefined, number: undefined },
  ]);
});

test('sent and copied bytes, cost and the running total', () => {
  const copied = { ...run('web', 2, 0), copiedBytes: 7e8 };
  const facts = reportFacts(
    request({
      archives: [archive('web', 1, 2, { bytes: 5e11 }), archive('web', 2, 0, { bytes: 5e11 })],
      history: [run('web', 1, 2), copied],
    }),
  );
  assert.equal(facts.costPerMonth, 6);
  assert.deepEqual(facts.stored, [
    { day: '2026-11-24', bytes: 5e11 },
    { day: '2026-11-26', bytes: 1e12 },
  ]);
  assert.deepEqual(
    facts.runs.map(({ number, sentBytes, copiedBytes }) => [number, sentBytes, copiedBytes]),
    [
      [2, 2e8, 7e8],
      [1, 2e8, 0],
    ],
  );
});

test('names and reasons come out as text, and nothing is loaded from elsewhere', () => {
  const evil = `<script>alert("1")</script>&'`;
  const page = reportPage(
    reportFacts(
      request({
        archives: [archive(evil, 1, 0), archive(evil, 2, 1)],
        history: [run(evil, 1, 0, { state: 'failed', reasons: [evil] })],
      }),
    ),
  );
  assert.doesNotMatch(page, /<script/i);
  assert.match(page, /&#60;script&#62;alert\(&#34;1&#34;\)&#60;\/script&#62;&#38;&#39;/);
  assert.doesNotMatch(page, /(src|href)=|url\(|@import/);
});

test('the verdict counts hosts', () => {
  const of = (...archives: ReturnType<typeof archive>[]): string =>
    verdict(reportFacts(request({ archives })));
  assert.equal(of(), 'Archives in B2: none');
  assert.equal(of(archive('a', 1, 1)), 'Archives in B2: 1 host up to date');
  assert.equal(
    of(archive('a', 1, 1), archive('b', 1, 9), archive('c', 1, 0, { state: 'unfinished' })),
    'Archives in B2: 1 late, 1 without an archive of 3 hosts',
  );
});

test('the mail is MIME with text and page, whatever a host is called', () => {
  const facts = reportFacts(request({ archives: [archive('hôst\n.\nBcc: x', 1, 0)] }));
  const mail = reportMail(facts, 'root\r\nBcc: all@example.org', 'BOUNDARY');
  const [head = '', ...parts] = mail.split('\n--BOUNDARY');
  assert.match(
    head,
    /^To: root {2}Bcc: all@example\.org\nSubject: Archives in B2: 1 host up to date\nMIME-Version: 1\.0\nContent-Type: multipart\/alternative; boundary="BOUNDARY"\n$/,
  );
  const decoded = parts
    .slice(0, 2)
    .map((part) => Buffer.from(part.split('\n\n')[1] ?? '', 'base64').toString());
  assert.match(decoded[0] ?? '', /hôst/);
  assert.equal(decoded[1], reportPage(facts));
  for (const line of mail.split('\n')) assert.ok(line.length <= 100, line);
});

test('the command writes the page whole, says what it cannot write, and prints the facts as JSON', async () => {
  const context = { ...testContext(), history: () => Promise.resolve([]) };
  addArchive(context.store, { host: 'web', number: 1, ageDays: 1 });
  const options = { wantedAgeDays: 8, days: 30, pricePerTb: 6 };
  const file = join(scratch, 'page.html');
  assert.equal(await report(context, { ...options, target: { kind: 'html', file } }), 0);
  assert.match(readFileSync(file, 'utf8'), /^<!doctype html>[\s\S]*<\/html>\s*$/);
  await assert.rejects(
    report(context, { ...options, target: { kind: 'html', file: join(scratch, 'no/page.html') } }),
    { kind: 'local', message: /^cannot write .*no\/page\.html: ENOENT/ },
  );
  await report(context, { ...options, target: { kind: 'json' } });
  const facts = JSON.parse(context.out.text) as { hosts: { host: string }[] };
  assert.deepEqual(
    facts.hosts.map(({ host }) => host),
    ['web'],
  );
});

test('history: what cannot be read is skipped, and it does not grow for ever', async () => {
  const record = run('web', 1, 0);
  const lines = [
    'nonsense',
    '{}',
    '{"type":"verify","host":"web","number":1}',
    JSON.stringify(record),
    JSON.stringify({ ...record, finishedAt: 'never' }),
  ];
  assert.deepEqual(parseHistory(lines.join('\n')), [record]);
  assert.deepEqual(await readHistory(join(scratch, 'nowhere')), []);
  const long = run('web', 2, 0, { reasons: ['x'.repeat(1_500_000)] });
  for (let n = 0; n < 4; n++) await remember(scratch, long);
  await remember(scratch, record);
  const kept = await readHistory(scratch);
  assert.deepEqual(kept.at(-1), record);
  assert.ok(kept.length < 5);
});

test('two hundred hosts make one page that is small enough for a mail', () => {
  const page = reportPage(reportFacts(account(200)));
  assert.equal(page.match(/<th scope="row">/g)?.length, 200);
  assert.ok(page.length < 2_000_000, `${page.length} characters`);
});
