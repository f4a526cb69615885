/** Limits that are fixed, changed by hand and changed by the clock: ours and rclone's, one after the other. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Program } from '../../test/link/shell.js';
import type { Site } from '../../test/link/site.js';
import { between, busiestRate, meanRate, nowMs } from '../../test/link/trace.js';
import type { Sample } from '../../test/link/trace.js';
import type { Row } from '../report.js';
import type { Line, Panel } from './bandwidth-chart.js';
import { flowing, fromFirstByte, OURS, rateLine, share, THEIRS, traceOf, watch } from './bandwidth-trace.js';
import type { Shot, Trace } from './bandwidth-trace.js';

const MBIT = 125_000;

const RATES: readonly (readonly [limit: string, words: string, rate: number])[] = [
  ['64kbit', '64 kbit/s', 8000],
  ['1Mbit', '1 Mbit/s', MBIT],
  ['8Mbit', '8 Mbit/s', 8 * MBIT],
  ['100Mbit', '100 Mbit/s', 100 * MBIT],
];

export async function fixedLimits(quick: boolean): Promise<Shot> {
  const rows: Row[] = [];
  const panels: Panel[] = [];
  const traces: Record<string, Trace> = {};
  for (const [limit, words, rate] of quick ? RATES.slice(1, 3) : RATES) {
    const lines: Line[] = [];
    for (const [who, begin] of [
      [OURS, (site: Site) => site.archive('--bwlimit', limit)],
      [THEIRS, (site: Site) => site.rclone(`${rate}B`, rate * 30 + 8e6)],
    ] as const) {
      const { ours } = await watch({}, async (site, sampler) => {
        const program = begin(site);
        await flowing(sampler);
        await pause(quick ? 5000 : 14_000);
        await program.stop('SIGKILL');
      });
      const sent = fromFirstByte(ours);
      const settled = between(sent, (sent[0]?.atMs ?? 0) + 2000, Infinity);
      rows.push({
        limit: words,
        program: who.name,
        'mean from 2 s on': share(meanRate(settled), rate),
        'busiest 1 s': share(busiestRate(sent, 1000), rate),
        'busiest 1 s, from 2 s on': share(busiestRate(settled, 1000), rate),
        'busiest 100 ms, from 2 s on': share(busiestRate(settled, 100), rate),
      });
      traces[`fixed ${limit} ${who.name}`] = traceOf(sent);
      lines.push(rateLine(who, sent));
    }
    const [unit, bits] = rate < MBIT ? (['kbit/s', 1e3] as const) : (['Mbit/s', 1e6] as const);
    panels.push({
      title: `limit ${words}`,
      unit,
      mark: { value: (rate * 8) / bits, label: 'limit' },
      lines: lines.toReversed().map((line) => inUnits(line, 1e6 / bits)),
    });
  }
  return {
    name: 'fixed',
    title: 'Bytes leaving under a fixed limit, every 100 ms',
    tables: [{ title: 'A fixed limit', rows }],
    panels,
    traces,
  };
}

function inUnits(line: Line, times: number): Line {
  return { ...line, points: line.points.map(([second, value]) => [second, value * times] as const) };
}

/** Limits that follow 8 Mbit/s. */
const CHANGES = [2, 16] as const;

export async function changes(quick: boolean): Promise<Shot> {
  const stepMs = quick ? 3000 : 6000;
  const rows: Row[] = [];
  const lines: Line[] = [];
  const traces: Record<string, Trace> = {};
  for (const [who, begin, change] of [
    [
      OURS,
      (site: Site) => site.archive('--bwlimit', '8Mbit'),
      (site: Site, mbit: number) => site.bwlimit(`${mbit}Mbit`),
    ],
    [
      THEIRS,
      (site: Site) => site.rclone(`${8 * MBIT}B`, 100e6, '--rc', '--rc-no-auth'),
      (site: Site, mbit: number) => site.rcloneRemote('core/bwlimit', `rate=${mbit * MBIT}B`),
    ],
  ] as const) {
    const changedMs: number[] = [];
    const { ours } = await watch({}, async (site, sampler) => {
      const program = begin(site);
      await flowing(sampler);
      await pause(stepMs);
      for (const mbit of CHANGES) {
        const status = await change(site, mbit).exit();
        if (status !== 0) throw new Error(`${who.name}: the limit could not be changed`);
        changedMs.push(nowMs());
        await pause(stepMs);
      }
      await program.stop('SIGKILL');
    });
    const sent = fromFirstByte(ours);
    for (const [index, mbit] of CHANGES.entries()) {
      const atMs = changedMs[index] ?? 0;
      rows.push({
        change: `${[8, ...CHANGES][index] ?? 0} → ${mbit} Mbit/s`,
        program: who.name,
        'mean of the first second': share(meanRate(between(sent, atMs, atMs + 1000)), mbit * MBIT),
        'mean of the next seconds': share(
          meanRate(between(sent, atMs + 1000, atMs + stepMs - 500)),
          mbit * MBIT,
        ),
      });
    }
    traces[`change ${who.name}`] = traceOf(sent);
    lines.push(rateLine(who, sent));
  }
  return {
    name: 'change',
    title: 'A limit changed while it runs: bytes leaving, every 100 ms',
    tables: [{ title: 'A change while it runs (`backuppc-b2 bwlimit`, `rclone rc core/bwlimit`)', rows }],
    panels: [{ title: '8, 2, 16 Mbit/s', unit: 'Mbit/s', lines: lines.toReversed() }],
    traces,
  };
}

const LEAD_MS = 9000;
const AFTER_MS = 8000;

/** Over the next full minute, since that is what a timetable can say. */
export async function timetable(): Promise<Shot> {
  const rows: Row[] = [];
  const lines: Line[] = [];
  const traces: Record<string, Trace> = {};
  for (const [who, begin] of [
    [
      OURS,
      (site: Site, before: string, after: string) =>
        site.archive('--bwlimit', [`${before},2Mbit`, `${after},8Mbit`].sort().join(' ')),
    ],
    [
      THEIRS,
      (site: Site, before: string, after: string) =>
        site.rclone([`${before},${2 * MBIT}B`, `${after},${8 * MBIT}B`].sort().join(' '), 100e6),
    ],
  ] as const) {
    const { changeMs, sent } = await overTheMinute(begin);
    const startMs = changeMs - LEAD_MS;
    rows.push({
      program: who.name,
      'mean before': share(meanRate(between(sent, changeMs - 4000, changeMs)), 2 * MBIT),
      'mean after': share(meanRate(between(sent, changeMs + 2000, changeMs + 7000)), 8 * MBIT),
      'above 5 Mbit/s after, ms': reachedAfterMs(sent, changeMs, 5 * MBIT),
    });
    traces[`timetable ${who.name}`] = traceOf(sent);
    lines.push(rateLine(who, between(sent, startMs, Infinity), startMs));
  }
  return {
    name: 'timetable',
    title: 'A timetable: bytes leaving, every 100 ms',
    tables: [{ title: 'A timetable, `HH:MM,2Mbit HH:MM,8Mbit`, over the second time', rows }],
    panels: [
      {
        title: '2 Mbit/s, from the full minute on 8 Mbit/s',
        unit: 'Mbit/s',
        spans: [{ from: LEAD_MS / 1000, label: 'the minute begins' }],
        lines: lines.toReversed(),
      },
    ],
    traces,
  };
}

async function overTheMinute(
  begin: (site: Site, before: string, after: string) => Program,
): Promise<{ changeMs: number; sent: Sample[] }> {
  const untilMinuteMs = 60_000 - (Date.now() % 60_000);
  await pause(untilMinuteMs > LEAD_MS ? untilMinuteMs - LEAD_MS : untilMinuteMs + 60_000 - LEAD_MS);
  const change = Math.ceil(Date.now() / 60_000) * 60_000;
  let changeMs = 0;
  const { ours } = await watch({}, async (site) => {
    const program = begin(site, clockTime(change - 3_600_000), clockTime(change));
    changeMs = nowMs() + change - Date.now();
    await pause(change - Date.now() + AFTER_MS);
    await program.stop('SIGKILL');
  });
  return { changeMs, sent: fromFirstByte(ours) };
}

function clockTime(epochMs: number): string {
  const date = new Date(epochMs);
  return [date.getHours(), date.getMinutes()].map((number) => String(number).padStart(2, '0')).join(':');
}

/** Until the end of the first 100 ms that were faster than `rate`. */
function reachedAfterMs(sent: readonly Sample[], fromMs: number, rate: number): number | string {
  const index = sent.findIndex(
    ({ atMs }, last) => atMs > fromMs && meanRate(sent.slice(Math.max(0, last - 5), last + 1)) > rate,
  );
  const reached = sent[index];
  return reached === undefined ? `not within ${AFTER_MS}` : Math.round(reached.atMs - fromMs);
}
