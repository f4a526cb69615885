/** `backuppc-b2 report`: the state of all archives on one page, for a browser, a mail or a program. */
import { randomBytes } from 'node:crypto';
import { reportFacts } from '../report/facts.js';
import { reportMail } from '../report/mail.js';
import { reportPage } from '../report/page.js';
import type { HistoryRecord } from '../reporting/history.js';
import { printableJson } from '../printable.js';
import { listedOf, wholeListing } from './archives.js';
import type { CatalogContext, ExitStatus } from './context.js';
import { writeOut } from './write-out.js';

export interface ReportContext extends CatalogContext {
  readonly program: string;
  /** What ran on this machine, oldest first. */
  history(): Promise<readonly HistoryRecord[]>;
}

export type ReportTarget =
  | { readonly kind: 'html'; /** '-': standard output */ readonly file: string }
  | { readonly kind: 'mail'; readonly to: string }
  | { readonly kind: 'json' };

export interface ReportOptions {
  readonly target: ReportTarget;
  readonly wantedAgeDays: number;
  readonly days: number;
  readonly pricePerTb: number;
}

export async function report(context: ReportContext, options: ReportOptions): Promise<ExitStatus> {
  const { target, wantedAgeDays, days, pricePerTb } = options;
  const listed = await wholeListing(context, listedOf(context));
  const facts = reportFacts({
    program: context.program,
    buckets: (await context.openBuckets()).map(({ name }) => name),
    archives: listed.map(({ archive }) => archive),
    history: await context.history(),
    now: context.clock.now(),
    wantedAgeDays,
    days,
    pricePerTb,
  });
  switch (target.kind) {
    case 'json':
      context.out.write(`${printableJson(facts, 2)}\n`);
      break;
    case 'mail':
      context.out.write(reportMail(facts, target.to, `=_${randomBytes(12).toString('hex')}`));
      break;
    case 'html':
      if (target.file === '-') context.out.write(reportPage(facts));
      // Readable by the web server: it shows nothing that the names in the bucket do not.
      else await writeOut(target.file, reportPage(facts), 0o644);
  }
  return 0;
}
