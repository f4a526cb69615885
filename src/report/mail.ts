/** The report as a mail: MIME with plain text and the page as alternatives. Pure. */
import { verdict, reportPage } from './page.js';
import { oneLine, printable } from '../printable.js';
import { wholeDays, type ReportFacts } from './facts.js';

/** @param boundary occurs in neither part */
export function reportMail(facts: ReportFacts, to: string, boundary: string): string {
  return [
    `To: ${printable(to.replace(/[\r\n]/g, ' '))}`,
    `Subject: ${oneLine(verdict(facts))}`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    ...part('text/plain', reportText(facts)),
    `--${boundary}`,
    ...part('text/html', reportPage(facts)),
    `--${boundary}--`,
    '',
  ].join('\n');
}

/** Base64 in lines of 76: names may be in any script, lines of any length. */
function part(type: string, text: string): string[] {
  const coded = Buffer.from(text).toString('base64');
  return [
    `Content-Type: ${type}; charset=utf-8`,
    'Content-Transfer-Encoding: base64',
    '',
    ...(coded.match(/.{1,76}/g) ?? []),
  ];
}

function reportText(facts: ReportFacts): string {
  const lines = facts.hosts.map(({ host, standing, ageDays, archives }) => {
    const age = ageDays === undefined ? 'no finished archive' : `newest ${wholeDays(ageDays)} old`;
    return `${standing === 'well' ? ' ' : '!'} ${host}: ${age}, ${archives} in B2`;
  });
  const odd = facts.odd.length === 0 ? [] : ['', 'Look at:', ...facts.odd.map((line) => `- ${line}`)];
  return `${[verdict(facts), '', ...lines, ...odd].map(printable).join('\n')}\n`;
}
