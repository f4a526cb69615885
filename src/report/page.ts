/** The report as one HTML page: no scripts, nothing from elsewhere, readable in a mail, light and dark. Pure. */
import { formatBytes } from '../config/values.js';
import { formatDuration, formatThroughput } from '../reporting/progress.js';
import { runsChart, sizesLine, storedChart } from './charts.js';
import { wholeDays, type DayOfHost, type ReportedHost, type ReportedRun, type ReportFacts } from './facts.js';
import { html, Markup } from './markup.js';
import { STYLE } from './style.js';

const STANDING = {
  well: { sign: '✓', words: 'up to date' },
  late: { sign: '!', words: 'late' },
  never: { sign: '✕', words: 'without an archive' },
} as const;

export function reportPage(facts: ReportFacts): string {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${verdict(facts)}</title>
        <style>
          ${new Markup(STYLE)}
        </style>
      </head>
      <body>
        <main>
          <header>
            <h1>${verdict(facts)}</h1>
            <p>${facts.buckets.join(', ')} · ${moment(facts.madeAt)} UTC</p>
            ${standings(facts.hosts)}
          </header>
          ${tiles(facts)} ${oddities(facts.odd)} ${hostsTable(facts)}
          ${section('Bytes in B2', storedChart(facts.stored))}
          ${section('What the last runs sent', runsChart(facts.runs))} ${runsTable(facts.runs)}
          <footer>
            ${facts.program}. Times are UTC. A day in the calendar is filled by the best archive that ended on
            it.
          </footer>
        </main>
      </body>
    </html> `;
  return page.text;
}

/** The report in one line: a page's title, a mail's subject. */
export function verdict({ hosts }: ReportFacts): string {
  const count = (standing: ReportedHost['standing']): number =>
    hosts.filter((host) => host.standing === standing).length;
  if (hosts.length === 0) return 'Archives in B2: none';
  const troubles = [
    ...(count('late') > 0 ? [`${count('late')} late`] : []),
    ...(count('never') > 0 ? [`${count('never')} without an archive`] : []),
  ];
  const all = `${hosts.length} ${hosts.length === 1 ? 'host' : 'hosts'}`;
  return `Archives in B2: ${troubles.length === 0 ? `${all} up to date` : `${troubles.join(', ')} of ${all}`}`;
}

/** How many hosts stand how, as a bar and in words. */
function standings(hosts: readonly ReportedHost[]): Markup | undefined {
  if (hosts.length === 0) return undefined;
  const counts = (['well', 'late', 'never'] as const).flatMap((standing) => {
    const count = hosts.filter((host) => host.standing === standing).length;
    return count === 0 ? [] : [{ standing, count }];
  });
  return html`<div class="share" aria-hidden="true">
      ${counts.map(({ standing, count }) => html`<span class="${standing}" style="flex:${count}"></span>`)}
    </div>
    <ul class="key">
      ${counts.map(
        ({ standing, count }) =>
          html`<li class="host">
            <span class="sign ${standing}">${STANDING[standing].sign}</span> ${count}
            ${STANDING[standing].words}
          </li>`,
      )}
    </ul>`;
}

/** More of them are behind a click: a page of nothing else hides the hosts. */
const SHOWN_ODDITIES = 12;

function oddities(odd: readonly string[]): Markup | undefined {
  if (odd.length === 0) return undefined;
  const [shown, more] = [odd.slice(0, SHOWN_ODDITIES), odd.slice(SHOWN_ODDITIES)];
  return html`<section>
    <h2>Look at</h2>
    ${oddList(shown)}
    ${
      more.length === 0
        ? undefined
        : html`<details>
            <summary>${more.length} more</summary>
            ${oddList(more)}
          </details>`
    }
  </section>`;
}

function oddList(odd: readonly string[]): Markup {
  return html`<ul class="odd">
    ${odd.map((line) => {
      const colon = line.indexOf(': ');
      return html`<li><b>${line.slice(0, Math.max(0, colon))}</b>${line.slice(Math.max(0, colon))}</li>`;
    })}
  </ul>`;
}

function tiles(facts: ReportFacts): Markup {
  const newest = facts.hosts
    .flatMap(({ newestAt }) => newestAt ?? [])
    .sort()
    .at(-1);
  const all: readonly (readonly [string, string])[] = [
    ['hosts', String(facts.hosts.length)],
    ['archives', String(facts.archives)],
    ['in B2', formatBytes(facts.bytes)],
    ['a month', `$${facts.costPerMonth.toFixed(2)}`],
    ['newest', newest === undefined ? 'none' : newest.slice(0, 10)],
  ];
  return html`<dl class="tiles">
    ${all.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;
}

function hostsTable({ hosts, wantedAgeDays }: ReportFacts): Markup | undefined {
  if (hosts.length === 0) return undefined;
  return html`<section>
    <h2>Hosts</h2>
    <p>An archive is wanted every ${wholeDays(wantedAgeDays)}.</p>
    <table class="hosts">
      <thead>
        <tr>
          <th>Host</th>
          <th class="right">Newest</th>
          <th class="wide">Last ${wholeDays(hosts[0]?.calendar.length ?? 0)}</th>
          <th class="right narrow">Archives</th>
          <th class="right">In B2</th>
          <th class="sizes">Sizes</th>
          <th class="narrow">Verified</th>
        </tr>
      </thead>
      <tbody>
        ${hosts.map(hostRow)}
      </tbody>
    </table>
  </section>`;
}

function hostRow(host: ReportedHost): Markup {
  const { sign, words } = STANDING[host.standing];
  const age = host.ageDays === undefined ? 'none' : host.ageDays < 1 ? 'today' : wholeDays(host.ageDays);
  const verified =
    host.verified === undefined
      ? html`<span class="quiet">never here</span>`
      : html`<span>${host.verified.at.slice(0, 10)} <span class="quiet">${host.verified.level}</span></span>
          ${host.verified.problems > 0 ? html` <span class="pill damaged">damaged</span>` : undefined}`;
  return html`<tr>
    <th scope="row">
      <div class="host">
        <span class="sign ${host.standing}" title="${words}">${sign}</span
        ><span>${brokenAtDots(host.host)}</span>
      </div>
    </th>
    <td class="right">
      ${age}${host.newestNumber === undefined ? undefined : html` <span class="quiet">#${host.newestNumber}</span>`}
    </td>
    <td class="wide">${calendar(host.calendar)}</td>
    <td class="right narrow">${host.archives}</td>
    <td class="right">${formatBytes(host.bytes)}</td>
    <td class="sizes">${sizesLine(host.sizes)}</td>
    <td class="narrow verified">${verified}</td>
  </tr> `;
}

function calendar(days: readonly DayOfHost[]): Markup {
  const boxes = days.map(
    ({ day, state, number }, index) =>
      html`<rect class="${state ?? 'nothing'}" x="${index * 8}" width="7" height="14"
        ><title>${day}${number === undefined ? ': nothing' : `: #${number}, ${state ?? ''}`}</title></rect
      >`,
  );
  return html`<svg
    class="calendar"
    viewBox="0 0 ${days.length * 8} 14"
    role="img"
    aria-label="${days.filter(({ state }) => state === 'finished').length} of ${days.length} days with a finished archive"
  >
    ${boxes}
  </svg>`;
}

function section(title: string, content: Markup): Markup | undefined {
  return content.text === ''
    ? undefined
    : html`<section>
        <h2>${title}</h2>
        ${content}
      </section>`;
}

function runsTable(runs: readonly ReportedRun[]): Markup | undefined {
  if (runs.length === 0) return undefined;
  return html`<section>
    <h2>Last runs here</h2>
    <table>
      <thead>
        <tr>
          <th>Ended</th>
          <th>Archive</th>
          <th class="right wide">Read</th>
          <th class="right narrow">Sent</th>
          <th class="right wide">Copied</th>
          <th class="right narrow">Took</th>
          <th class="right wide">Rate</th>
          <th>Result</th>
        </tr>
      </thead>
      <tbody>
        ${runs.map(
          (run) =>
            html`<tr>
              <td>${dayAndTime(run.at)}</td>
              <td class="archive">${brokenAtDots(run.host)} <span class="quiet">#${run.number}</span></td>
              <td class="right wide">${formatBytes(run.tarBytes)}</td>
              <td class="right narrow">${formatBytes(run.sentBytes)}</td>
              <td class="right wide">${formatBytes(run.copiedBytes)}</td>
              <td class="right narrow">${formatDuration(run.seconds * 1000)}</td>
              <td class="right wide">
                ${run.seconds > 0 ? formatThroughput(run.sentBytes / run.seconds) : ''}
              </td>
              <td class="result">
                <span class="pill ${run.state}">${run.state}</span
                >${run.reason === undefined ? undefined : html` <span>${run.reason}</span>`}
              </td>
            </tr> `,
        )}
      </tbody>
    </table>
  </section>`;
}

/** A long name may go on in the next line behind each dot. */
function brokenAtDots(host: string): Markup[] {
  return host.split(/(?<=\.)/).map((label) => html`${label}<wbr />`);
}

/** Two lines where the page is narrow. */
function dayAndTime(iso: string): Markup {
  const [day = '', time = ''] = moment(iso).split(' ');
  return html`${day}<wbr /> <span class="quiet">${time}</span>`;
}

/** 2026-11-26 03:30 */
function moment(iso: string): string {
  return iso.slice(0, 16).replace('T', ' ');
}
