/** The report's page in a real browser: no error, nothing fetched, nothing wider than a telephone, in both schemes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { reportFacts, type ReportRequest } from '../../src/report/facts.js';
import { reportPage } from '../../src/report/page.js';
import { account } from '../report/sample.js';
import { needPrograms } from '../support/debian.js';

const missing = needPrograms([{ package: 'chromium', check: ['chromium', '--version'] }]);

/** Shows the page in a frame so wide, and writes down how wide its content is. */
const frame = (width: number): string => `<!doctype html><title>frame</title>
<iframe src="/report" width="${width}" height="800"></iframe><pre id="result"></pre>
<script>document.querySelector('iframe').onload = (event) => {
  const page = event.target.contentDocument;
  const cells = [...page.querySelectorAll('tbody th')];
  document.querySelector('#result').textContent = JSON.stringify({
    width: page.documentElement.scrollWidth, visible: page.documentElement.clientWidth,
    hosts: cells.length, charts: page.querySelectorAll('svg').length,
    narrowest: Math.min(...cells.map((cell) => cell.getBoundingClientRect().width)),
    cut: [...page.querySelectorAll('.tiles dd, .share, .key, section *')].filter((part) => {
      const within = part.closest('section, .tiles, header').getBoundingClientRect();
      return part.getBoundingClientRect().right > within.right + 1 || part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0;
    }).map((part) => part.tagName + ' ' + part.textContent.trim().slice(0, 40)),
  });
};</script>`;

function withLongNames(request: ReportRequest): ReportRequest {
  const longer = <T extends { readonly host: string }>(one: T): T => ({
    ...one,
    host: one.host.replace('example.org', 'a-rather-long-subdomain.branch-office.customer.example.org'),
  });
  return { ...request, archives: request.archives.map(longer), history: request.history.map(longer) };
}

describe('the report in a browser', { skip: missing }, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'bb2-page-'));
  let server: Server;
  let asked: string[] = [];
  let page = '';
  const base = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  before(async () => {
    server = createServer((request, response) => {
      const url = request.url ?? '';
      asked.push(url);
      response.setHeader('Content-Type', 'text/html; charset=utf-8');
      const width = /^\/frame\/(\d+)$/.exec(url)?.[1];
      response.statusCode = width !== undefined || url === '/report' ? 200 : 404;
      response.end(width !== undefined ? frame(Number(width)) : url === '/report' ? page : '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    server.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  async function shown(hosts: number, width: number, dark: boolean) {
    page = reportPage(reportFacts(hosts > 100 ? withLongNames(account(hosts)) : account(hosts)));
    asked = [];
    const { stdout, stderr } = await promisify(execFile)(
      'chromium',
      [
        ...[
          '--headless',
          '--no-sandbox',
          '--disable-gpu',
          '--no-first-run',
          '--disable-background-networking',
        ],
        ...[
          '--disable-sync',
          '--enable-logging=stderr',
          `--user-data-dir=${mkdtempSync(join(scratch, 'profile-'))}`,
        ],
        ...(dark ? ['--force-dark-mode'] : []),
        ...['--virtual-time-budget=10000', '--dump-dom', `${base()}/frame/${width}`],
      ],
      { maxBuffer: 64 * 1024 * 1024 },
    );
    const result = /<pre id="result">([^<]+)<\/pre>/.exec(stdout)?.[1];
    assert.ok(result !== undefined, stderr);
    const consoleLines = stderr.split('\n').filter((line) => line.includes(':CONSOLE'));
    return { seen: JSON.parse(result) as Record<string, number> & { cut: string[] }, consoleLines };
  }

  for (const [hosts, width, dark] of [
    [12, 1400, false],
    [12, 1000, false],
    [12, 768, true],
    [12, 400, true],
    [200, 1000, true],
    [200, 400, false],
  ] as const) {
    it(`${hosts} hosts on ${width} pixels, ${dark ? 'dark' : 'light'}`, async () => {
      const { consoleLines, seen } = await shown(hosts, width, dark);
      assert.deepEqual(consoleLines, []);
      assert.equal(seen['hosts'], hosts);
      assert.ok((seen['charts'] ?? 0) > hosts);
      assert.ok((seen['width'] ?? Infinity) <= (seen['visible'] ?? 0), JSON.stringify(seen));
      assert.ok((seen['narrowest'] ?? 0) >= 80, JSON.stringify(seen));
      assert.deepEqual(seen.cut, []);
      assert.deepEqual(
        asked.filter((url) => url !== '/favicon.ico'),
        [`/frame/${width}`, '/report'],
      );
    });
  }
});
