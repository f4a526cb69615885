import type { Command } from 'commander';
import { Failure } from '../../errors.js';
import { report, type ReportTarget } from '../report.js';
import { positiveNumber, wholeNumber, type Wiring } from '../wiring.js';

interface ReportFlags {
  readonly html?: string;
  readonly mail?: string;
  readonly json?: boolean;
  readonly age: number;
  readonly days: number;
  readonly price: number;
}

export function registerReport(program: Command, wiring: Wiring): void {
  const command = program
    .command('report')
    .description('the state of all archives on one page: for a browser, a mail or a program')
    .option('--html <FILE>', "write the page to FILE ('-': standard output)")
    .option('--mail <ADDRESS>', 'print a mail for sendmail -t, with the page inside')
    .option('--json', 'print the same facts as JSON')
    .option('--age <DAYS>', 'a host whose newest archive is older is late', positiveNumber(36_500), 8)
    .option('--days <N>', 'length of the calendar', wholeNumber(1), 30)
    .option('--price <USD>', 'what B2 asks for a terabyte and month', positiveNumber(1000), 6);
  command.action(async ({ html, mail, json, age, days, price }: ReportFlags) => {
    const targets: ReportTarget[] = [
      ...(html === undefined ? [] : [{ kind: 'html', file: html } as const]),
      ...(mail === undefined ? [] : [{ kind: 'mail', to: mail } as const]),
      ...(json === true ? [{ kind: 'json' } as const] : []),
    ];
    const [target, ...others] = targets;
    if (target === undefined || others.length > 0)
      throw new Failure('usage', 'give one of --html FILE, --mail ADDRESS and --json');
    await wiring.run(command, (context) =>
      report(context, { target, wantedAgeDays: age, days: Math.min(days, 366), pricePerTb: price }),
    );
  });
}
