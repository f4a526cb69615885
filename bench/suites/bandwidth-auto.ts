/** `auto` on a narrow link with a deep buffer: alone, and with somebody else's upload and download; beside fixed limits. */
import { setTimeout as pause } from 'node:timers/promises';
import type { LinkOptions } from '../../test/link/link.js';
import type { Program } from '../../test/link/shell.js';
import type { Site } from '../../test/link/site.js';
import { between, meanRate, nowMs, percentile, samplesOf } from '../../test/link/trace.js';
import type { Sample } from '../../test/link/trace.js';
import type { Panel } from './bandwidth-chart.js';
import { flowing, OURS, rateLine, share, THEIRS, traceOf, watch } from './bandwidth-trace.js';
import type { Shot, Trace, Wire } from './bandwidth-trace.js';

const LINE_RATE = 1e6;
const LINE: LinkOptions = { upBits: LINE_RATE * 8, downBits: 50e6, bufferMs: 1000 };
const RIVAL = { name: 'somebody else’s upload', colour: '#7f8c8d' } as const;

interface Times {
  readonly aloneMs: number;
  readonly rivalMs: number;
  readonly againMs: number;
}

interface Crowd extends Wire {
  /** Round trips of the other machine, ms. */
  readonly delay: readonly Sample[];
  /** Bytes of the rival that have arrived. */
  readonly arrived: readonly Sample[];
  readonly rivalFromMs: number;
  readonly rivalToMs: number;
}

/** A program alone for a while, then with a rival upload and a download, then alone again. */
async function crowd(begin: ((site: Site) => Program) | undefined, times: Times): Promise<Crowd> {
  let delay: readonly Sample[] = [];
  let arrived: readonly Sample[] = [];
  let rivalFromMs = 0;
  let rivalToMs = 0;
  const wire = await watch(LINE, async (site, sampler) => {
    const probe = site.delay();
    await probe.line(/\d/);
    if (begin !== undefined) {
      begin(site);
      await flowing(sampler);
    }
    await pause(times.aloneMs);
    rivalFromMs = nowMs();
    const others = [site.rivalUpload(), site.rivalDownload()];
    await pause(times.rivalMs);
    rivalToMs = nowMs();
    await Promise.all(others.map((other) => other.stop('SIGKILL')));
    await pause(times.againMs);
    delay = samplesOf(probe.lines);
    arrived = site.rivalBytes;
  });
  return { ...wire, delay, arrived, rivalFromMs, rivalToMs };
}

/** The first seconds of a rival are those of giving way; its share is of what comes after. */
const GIVE_MS = 5000;
/** Its TCP takes longer to find the end of the buffer: delays are of what comes after that. */
const FILL_MS = 15_000;
/** The figures of being alone are of this long before the rival comes. */
const SETTLED_MS = 12_000;

export async function auto(quick: boolean): Promise<Shot> {
  const times = quick
    ? { aloneMs: 24_000, rivalMs: 25_000, againMs: 15_000 }
    : { aloneMs: 30_000, rivalMs: 50_000, againMs: 30_000 };
  const nobody = await crowd(undefined, { ...times, aloneMs: 1000, againMs: 0 });
  const ours = await crowd((site) => site.archive('--bwlimit', 'auto'), times);
  const theirs = await crowd((site) => site.rclone('875000B', 150e6), times);
  const scenes: readonly (readonly [string, Crowd])[] = [
    ['backuppc-b2 --bwlimit auto', ours],
    ['rclone --bwlimit 875000B (7 Mbit/s)', theirs],
  ];
  const alone = scenes.map(([program, { line, delay, rivalFromMs }]) => {
    const settled = between(delay, rivalFromMs - SETTLED_MS, rivalFromMs);
    return {
      program,
      'share of the link': share(meanRate(between(line, rivalFromMs - SETTLED_MS, rivalFromMs)), LINE_RATE),
      'delay p50, ms': Math.round(percentile(settled, 0.5)),
      'delay p95, ms': Math.round(percentile(settled, 0.95)),
    };
  });
  const baseline = figures(nobody);
  const together = [['nobody', nobody] as const, ...scenes].map(([program, seen]) => {
    const { rivalRate, p50, p95 } = figures(seen);
    return {
      'beside the rival': program,
      'rival gets, Mbit/s': Number(((rivalRate * 8) / 1e6).toFixed(2)),
      'of what it gets alone': share(rivalRate, baseline.rivalRate),
      'delay p50, ms': Math.round(p50),
      'delay p95, ms': Math.round(p95),
      'added at p95, ms': Math.round(p95 - baseline.p95),
    };
  });
  const pace = {
    'ours below 10 % of the link after, s': seconds(ours, ours.rivalFromMs, (rate) => rate < 0.1),
    'ours back at 85 % of the link after, s': seconds(ours, ours.rivalToMs, (rate) => rate > 0.85),
  };
  const panels = [
    panelOf('backuppc-b2 --bwlimit auto', { ...OURS, name: 'backuppc-b2' }, ours),
    panelOf('rclone --bwlimit 7 Mbit/s', THEIRS, theirs),
    delayPanel(ours, theirs),
  ];
  return {
    name: 'auto',
    title: 'A line of 8 Mbit/s with a second of buffer, and somebody else who needs it',
    tables: [
      { title: `Alone (the last ${SETTLED_MS / 1000} s before the rival comes)`, rows: alone },
      {
        title: `With a greedy upload and a download (rates from ${GIVE_MS / 1000} s, delays from ${FILL_MS / 1000} s after they began)`,
        rows: together,
      },
      { title: '`auto` gives way and comes back', rows: [pace] },
    ],
    panels,
    traces: { ...tracesOf('auto', ours), ...tracesOf('rclone 7 Mbit/s', theirs) },
  };
}

function figures({ arrived, delay, rivalFromMs, rivalToMs }: Crowd): {
  rivalRate: number;
  p50: number;
  p95: number;
} {
  const settled = between(delay, rivalFromMs + FILL_MS, rivalToMs);
  return {
    rivalRate: meanRate(between(arrived, rivalFromMs + GIVE_MS, rivalToMs)),
    p50: percentile(settled, 0.5),
    p95: percentile(settled, 0.95),
  };
}

/** Until our share of the link over a second is such. */
function seconds({ ours }: Crowd, fromMs: number, such: (ofLink: number) => boolean): number | string {
  for (const { atMs } of between(ours, fromMs + 1000, Infinity)) {
    if (such(meanRate(between(ours, atMs - 1000, atMs + 1)) / LINE_RATE))
      return Number(((atMs - fromMs) / 1000).toFixed(1));
  }
  return 'never';
}

function panelOf(title: string, who: { readonly name: string; readonly colour: string }, seen: Crowd): Panel {
  const startMs = seen.ours[0]?.atMs ?? 0;
  return {
    title,
    unit: 'Mbit/s',
    mark: { value: (LINE_RATE * 8) / 1e6, label: 'the link' },
    spans: [rivalSpan(seen)],
    lines: [rateLine(RIVAL, seen.rival, startMs, 500), rateLine(who, seen.ours, startMs, 500)],
  };
}

function delayPanel(ours: Crowd, theirs: Crowd): Panel {
  const line = (label: string, colour: string, seen: Crowd) => {
    const startMs = seen.ours[0]?.atMs ?? 0;
    return {
      label,
      colour,
      points: seen.delay.map(({ atMs, value }) => [(atMs - startMs) / 1000, value] as const),
    };
  };
  return {
    title: 'round trip of everybody behind the modem',
    unit: 'ms',
    spans: [rivalSpan(ours)],
    lines: [line('beside rclone', THEIRS.colour, theirs), line('beside backuppc-b2', OURS.colour, ours)],
  };
}

function rivalSpan({ ours, rivalFromMs, rivalToMs }: Crowd): { from: number; to: number; label: string } {
  const startMs = ours[0]?.atMs ?? 0;
  return {
    from: (rivalFromMs - startMs) / 1000,
    to: (rivalToMs - startMs) / 1000,
    label: 'somebody else uploads and downloads',
  };
}

function tracesOf(name: string, seen: Crowd): Record<string, Trace> {
  return {
    [`${name}: line`]: traceOf(seen.line),
    [`${name}: sent`]: traceOf(seen.ours),
    [`${name}: rival sent`]: traceOf(seen.rival),
    [`${name}: round trip, ms`]: seen.delay.map(({ value }) => Math.round(value)),
  };
}
