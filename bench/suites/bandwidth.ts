/**
 * What leaves through the line under a limit, every 100 ms, beside rclone on the same link.
 *
 *     npm run bench -- bandwidth               all scenes, about six minutes
 *     npm run bench -- bandwidth --quick       short scenes, nothing saved
 *     npm run bench -- bandwidth --only auto   scenes whose name contains a word, nothing saved
 *
 * Needs root: user, modem and B2 are network namespaces, the narrow link is the kernel's `tbf`. What is sampled are the bytes on the
 * wire with all headers; the limit counts the bytes of HTTP bodies.
 */
import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { linkProblem, NarrowLink } from '../../test/link/link.js';
import type { LinkOptions } from '../../test/link/link.js';
import { Site } from '../../test/link/site.js';
import type { Program } from '../../test/link/shell.js';
import { between, busiestRate, meanRate, nowMs, percentile, samplesOf } from '../../test/link/trace.js';
import type { Sample } from '../../test/link/trace.js';
import { publish } from '../report.js';
import type { Row, Table } from '../report.js';
import { traceChart } from './bandwidth-chart.js';
import type { Line, Panel } from './bandwidth-chart.js';

const OURS = '#c0392b';
const THEIRS = '#2c6fbb';
const GREY = '#7f8c8d';

/** A scene's figures, its picture and its numbers. */
interface Shot {
  readonly tables: readonly Table[];
  readonly panels: readonly Panel[];
  readonly traces: Readonly<Record<string, Trace>>;
}

/** Bytes on the wire in each 100 ms. */
interface Trace {
  readonly stepMs: 100;
  readonly bytes: readonly number[];
}

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
  });
  const problem = linkProblem();
  if (problem !== undefined) throw new Error(`no link to measure on: ${problem}`);
  const { quick, only } = values;
  const scenes: readonly (readonly [string, () => Promise<Shot>])[] = [
    ['fixed', () => fixedLimits(quick)],
    ['change', () => changes(quick)],
    ['timetable', () => timetable()],
    ['auto', () => auto(quick)],
  ];
  const shots: Shot[] = [];
  for (const [name, scene] of scenes) {
    if (only !== undefined ? name.includes(only) : !(quick && name === 'timetable'))
      shots.push(await scene());
  }
  const report = {
    topic: 'bandwidth',
    command: 'npm run bench -- bandwidth',
    notes: [
      'Rates are bytes on the wire, with the headers of TLS, TCP, IP and Ethernet, as a share of the limit; the limit itself counts the bytes of HTTP bodies.',
      'The link of `auto`: 8 Mbit/s up with one second of buffer, 50 Mbit/s down; loss-based TCP on all sides.',
    ],
    tables: shots.flatMap((shot) => shot.tables),
  };
  const save = !quick && only === undefined;
  publish(report, save);
  if (!save) return;
  const traces = Object.assign({}, ...shots.map((shot) => shot.traces)) as Record<string, Trace>;
  writeFileSync('bench/results/bandwidth.json', `${JSON.stringify({ ...report, traces })}\n`);
  writeFileSync(
    'bench/results/bandwidth.svg',
    traceChart(
      'Bytes leaving, every 100 ms',
      shots.flatMap((shot) => shot.panels),
    ),
  );
}

const RATES: readonly (readonly [string, number])[] = [
  ['64kbit', 8000],
  ['1Mbit', 125_000],
  ['8Mbit', 1e6],
  ['100Mbit', 12.5e6],
];

async function fixedLimits(quick: boolean): Promise<Shot> {
  const rows: Row[] = [];
  const panels: Panel[] = [];
  const traces: Record<string, Trace> = {};
  for (const [limit, rate] of quick ? RATES.slice(1, 3) : RATES) {
    const lines: Line[] = [];
    for (const [name, colour, begin] of [
      ['backuppc-b2', OURS, (site: Site) => site.archive('--bwlimit', limit)],
      ['rclone', THEIRS, (site: Site) => site.rclone(`${rate}B`, rate * 30)],
    ] as const) {
      const wire = await watch({}, async (site, sampler) => {
        const program = begin(site);
        await flowing(sampler);
        await pause(quick ? 5000 : 14_000);
        await program.stop('SIGKILL');
      });
      const sent = fromFirstByte(wire);
      const settled = between(sent, (sent[0]?.atMs ?? 0) + 2000, Infinity);
      rows.push({
        limit,
        program: name,
        'mean, settled': share(meanRate(settled), rate),
        'busiest 1 s, from the first byte': share(busiestRate(sent, 1000), rate),
        'busiest 100 ms, from the first byte': share(busiestRate(sent, 100), rate),
      });
      traces[`${name} ${limit}`] = traceOf(sent);
      lines.push(rateLine(name, colour, sent));
    }
    panels.push({ title: `limit ${limit}`, unit: 'Mbit/s', mark: (rate * 8) / 1e6, lines });
  }
  return { tables: [{ title: 'A fixed limit, on the wire', rows }], panels, traces };
}

async function changes(quick: boolean): Promise<Shot> {
  const stepMs = quick ? 3000 : 6000;
  const settledMs: number[] = [];
  const wire = await watch({}, async (site, sampler) => {
    const program = site.archive('--bwlimit', '8Mbit');
    await flowing(sampler);
    await pause(stepMs);
    for (const limit of ['2Mbit', '16Mbit']) {
      await site.bwlimit(limit).exit();
      settledMs.push(nowMs());
      await pause(stepMs);
    }
    await program.stop('SIGKILL');
  });
  const rows = settledMs.map((atMs, index) => {
    const rate = [250_000, 2e6][index] ?? 1;
    const after = between(wire, atMs, atMs + stepMs - 500);
    return {
      change: index === 0 ? '8Mbit → 2Mbit' : '2Mbit → 16Mbit',
      'mean of the first second': share(meanRate(between(after, atMs, atMs + 1000)), rate),
      'mean of all': share(meanRate(after), rate),
    };
  });
  const sent = fromFirstByte(wire);
  return {
    tables: [{ title: '`backuppc-b2 bwlimit` while the archive runs', rows }],
    panels: [
      { title: 'bwlimit 8, 2, 16 Mbit', unit: 'Mbit/s', lines: [rateLine('backuppc-b2', OURS, sent)] },
    ],
    traces: { change: traceOf(sent) },
  };
}

/** Over the next full minute, since that is what a timetable can say. */
async function timetable(): Promise<Shot> {
  const leadMs = 9000;
  const untilMinuteMs = 60_000 - (Date.now() % 60_000);
  await pause(untilMinuteMs > leadMs ? untilMinuteMs - leadMs : untilMinuteMs + 60_000 - leadMs);
  const change = new Date(Math.ceil(Date.now() / 60_000) * 60_000);
  const before = new Date(change.getTime() - 3_600_000);
  const time = (date: Date): string =>
    `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
  const entries = [`${time(before)},2Mbit`, `${time(change)},8Mbit`].sort();
  let changeMs = 0;
  const wire = await watch({}, async (site) => {
    const program = site.archive('--bwlimit', entries.join(' '));
    changeMs = nowMs() + change.getTime() - Date.now();
    await pause(change.getTime() - Date.now() + 7000);
    await program.stop('SIGKILL');
  });
  const sent = fromFirstByte(wire);
  const took = sent.find(({ atMs }, index) => {
    const earlier = sent[index - 5];
    return (
      atMs > changeMs && earlier !== undefined && meanRate([earlier, ...sent.slice(index, index + 1)]) > 0.6e6
    );
  });
  return {
    tables: [
      {
        title: `Timetable \`${entries.join(' ')}\``,
        rows: [
          {
            'mean before': share(meanRate(between(sent, changeMs - 4000, changeMs)), 250_000),
            'mean after': share(meanRate(between(sent, changeMs + 1000, changeMs + 6500)), 1e6),
            'new rate seen after, ms':
              took === undefined ? 'never' : Math.max(0, Math.round(took.atMs - changeMs)),
          },
        ],
      },
    ],
    panels: [
      { title: 'timetable: 2, then 8 Mbit', unit: 'Mbit/s', lines: [rateLine('backuppc-b2', OURS, sent)] },
    ],
    traces: { timetable: traceOf(sent) },
  };
}

const LINE_RATE = 1e6;
const LINE: LinkOptions = { upBits: LINE_RATE * 8, downBits: 50e6, bufferMs: 1000 };

interface Crowd {
  readonly wire: readonly Sample[];
  readonly delay: readonly Sample[];
  /** Bytes of the rival that had arrived, with the time. */
  readonly rival: readonly Sample[];
  readonly rivalFromMs: number;
  readonly rivalToMs: number;
}

/** Our program (or another, or none) alone for a while, then with a rival upload and a download, then alone again. */
async function crowd(
  begin: ((site: Site) => Program) | undefined,
  times: { aloneMs: number; rivalMs: number; againMs: number },
): Promise<Crowd> {
  const rival: Sample[] = [];
  let delay: readonly Sample[] = [];
  let rivalFromMs = 0;
  let rivalToMs = 0;
  const wire = await watch(LINE, async (site, sampler) => {
    const probe = site.delay();
    await probe.line(/\d/);
    if (begin !== undefined) {
      begin(site);
      await flowing(sampler);
    }
    const watching = new AbortController();
    const looking = (async () => {
      while (!watching.signal.aborted) {
        rival.push({ atMs: nowMs(), value: site.rivalBytes() });
        await pause(500);
      }
    })();
    await pause(times.aloneMs);
    rivalFromMs = nowMs();
    const others = [site.rivalUpload(), site.rivalDownload()];
    await pause(times.rivalMs);
    rivalToMs = nowMs();
    await Promise.all(others.map((other) => other.stop('SIGKILL')));
    await pause(times.againMs);
    watching.abort();
    await looking;
    delay = samplesOf(probe.lines);
  });
  return { wire, delay, rival, rivalFromMs, rivalToMs };
}

async function auto(quick: boolean): Promise<Shot> {
  const times = quick
    ? { aloneMs: 16_000, rivalMs: 14_000, againMs: 8000 }
    : { aloneMs: 30_000, rivalMs: 30_000, againMs: 20_000 };
  const short = { ...times, aloneMs: 8000, againMs: 500 };
  const scenes: readonly (readonly [string, Crowd])[] = [
    ['nobody', await crowd(undefined, { ...short, aloneMs: 1000 })],
    ['backuppc-b2 --bwlimit auto', await crowd((site) => site.archive('--bwlimit', 'auto'), times)],
    ['backuppc-b2 --bwlimit 7Mbit', await crowd((site) => site.archive('--bwlimit', '7Mbit'), short)],
    ['rclone --bwlimit 7 Mbit/s', await crowd((site) => site.rclone('875000B', 60e6), short)],
  ];
  // The first seconds of the rival belong to giving way; the figures are of what comes after.
  const giveMs = 5000;
  const [, without] = scenes[0] ?? [];
  const figures = ({ rival, delay, rivalFromMs, rivalToMs }: Crowd) => ({
    rivalRate: meanRate(between(rival, rivalFromMs + giveMs, rivalToMs)),
    p95: percentile(between(delay, rivalFromMs + giveMs, rivalToMs), 0.95),
    p50: percentile(between(delay, rivalFromMs + giveMs, rivalToMs), 0.5),
  });
  const baseline = without === undefined ? { rivalRate: 1, p95: 0, p50: 0 } : figures(without);
  const together = scenes.map(([name, seen]) => {
    const { rivalRate, p95, p50 } = figures(seen);
    return {
      'beside the rival': name,
      'rival, share of what it gets alone': share(rivalRate, baseline.rivalRate),
      'delay p50, ms': Math.round(p50),
      'delay p95, ms': Math.round(p95),
      'added at p95, ms': Math.round(p95 - baseline.p95),
    };
  });
  const alone = scenes.slice(1).map(([name, { wire, delay, rivalFromMs }]) => ({
    program: name,
    'share of the link': share(
      meanRate(between(wire, rivalFromMs - (short.aloneMs - 3000), rivalFromMs)),
      LINE_RATE,
    ),
    'delay p50, ms': Math.round(percentile(between(delay, rivalFromMs - 5000, rivalFromMs), 0.5)),
    'delay p95, ms': Math.round(
      percentile(between(delay, rivalFromMs - (short.aloneMs - 3000), rivalFromMs), 0.95),
    ),
  }));
  const [, seen] = scenes[1] ?? [];
  if (seen === undefined) throw new Error('the scene is missing');
  const startMs = seen.wire[0]?.atMs ?? 0;
  return {
    tables: [
      {
        title: 'Alone on 8 Mbit/s with a second of buffer (the last 5 s before the rival comes)',
        rows: alone,
      },
      {
        title: `With a greedy upload and a download (from ${giveMs / 1000} s after they began)`,
        rows: together,
      },
    ],
    panels: [
      {
        title: 'auto on 8 Mbit/s, a rival from the middle on',
        unit: 'Mbit/s',
        mark: (LINE_RATE * 8) / 1e6,
        lines: [
          rateLine('the whole line', OURS, seen.wire),
          rateLine('the rival', THEIRS, seen.rival, startMs, 1000),
        ],
      },
      {
        title: 'round trip',
        unit: 'ms',
        lines: [
          {
            label: 'of everybody',
            colour: GREY,
            points: seen.delay.map(({ atMs, value }) => [(atMs - startMs) / 1000, value] as const),
          },
        ],
      },
    ],
    traces: { auto: traceOf(seen.wire) },
  };
}

/** Plays a scene on a link of its own. @returns the bytes that left through it, every 20 ms */
async function watch(
  options: LinkOptions,
  scene: (site: Site, sampler: Program) => Promise<void>,
): Promise<Sample[]> {
  const link = new NarrowLink(options);
  try {
    const site = await Site.open(link);
    try {
      const wire = site.sampler(20);
      await wire.line(/\d/);
      await scene(site, wire);
      return samplesOf(wire.lines);
    } finally {
      await site.close();
    }
  } finally {
    link.remove();
  }
}

/** Until more than greetings has left. */
async function flowing(sampler: Program): Promise<void> {
  while (fromFirstByte(samplesOf(sampler.lines)).length === 0) await pause(50);
}

/** From where more than greetings flow. */
function fromFirstByte(wire: readonly Sample[]): Sample[] {
  const base = wire[0]?.value ?? 0;
  const first = wire.findIndex(({ value }) => value - base > 12_000);
  return first < 0 ? [] : wire.slice(first);
}

function share(rate: number, of: number): string {
  return `${((rate / of) * 100).toFixed(1)} %`;
}

function traceOf(wire: readonly Sample[]): Trace {
  return { stepMs: 100, bytes: steps(wire, 100).map(([, bytes]) => bytes) };
}

/** Seconds from the start and bytes of each step. */
function steps(
  wire: readonly Sample[],
  stepMs: number,
  startMs = wire[0]?.atMs ?? 0,
): (readonly [number, number])[] {
  const result: (readonly [number, number])[] = [];
  let last = wire[0];
  for (const sample of wire) {
    if (last === undefined || sample.atMs - last.atMs < stepMs - 5) continue;
    result.push([
      (sample.atMs - startMs) / 1000,
      Math.round(((sample.value - last.value) * stepMs) / (sample.atMs - last.atMs)),
    ]);
    last = sample;
  }
  return result;
}

function rateLine(
  label: string,
  colour: string,
  wire: readonly Sample[],
  startMs = wire[0]?.atMs ?? 0,
  stepMs = 100,
): Line {
  return {
    label,
    colour,
    points: steps(wire, stepMs, startMs).map(
      ([second, bytes]) => [second, (bytes * 8) / stepMs / 1000] as const,
    ),
  };
}
