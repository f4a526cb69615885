/** A link, who measures it, and what is made of the measurements. */
import { setTimeout as pause } from 'node:timers/promises';
import { NarrowLink } from '../../test/link/link.js';
import type { LinkOptions } from '../../test/link/link.js';
import { Site } from '../../test/link/site.js';
import type { Program } from '../../test/link/shell.js';
import { samplesOf } from '../../test/link/trace.js';
import type { Sample } from '../../test/link/trace.js';
import type { Table } from '../report.js';
import type { Line, Panel } from './bandwidth-chart.js';

export const OURS = { name: 'backuppc-b2', colour: '#c0392b' } as const;
export const THEIRS = { name: 'rclone', colour: '#2c6fbb' } as const;

/** A scene's figures, its picture and its numbers. */
export interface Shot {
  /** In file names. */
  readonly name: string;
  readonly title: string;
  readonly tables: readonly Table[];
  readonly panels: readonly Panel[];
  readonly traces: Readonly<Record<string, Trace>>;
}

/** What happened in each 100 ms. */
export type Trace = readonly number[];

/** Counters of bytes: what left through the line with all headers; TCP payload that our machine and the rival's have sent towards it. */
export interface Wire {
  readonly line: Sample[];
  readonly ours: Sample[];
  readonly rival: Sample[];
}

/** Plays a scene on a link of its own. @returns the counters, every 20 ms */
export async function watch(
  options: LinkOptions,
  scene: (site: Site, sampler: Program) => Promise<void>,
): Promise<Wire> {
  const link = new NarrowLink(options);
  try {
    const site = await Site.open(link);
    try {
      const sampler = site.sampler(20);
      await sampler.line(/\d/);
      await scene(site, sampler);
      const { lines } = sampler;
      return { line: samplesOf(lines, 1), ours: samplesOf(lines, 2), rival: samplesOf(lines, 3) };
    } finally {
      await site.close();
    }
  } finally {
    link.remove();
  }
}

/** Until more than greetings has left. */
export async function flowing(sampler: Program): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (fromFirstByte(samplesOf(sampler.lines, 2)).length === 0) {
    if (performance.now() > endMs) throw new Error('nothing was sent within 20 s');
    await pause(50);
  }
}

/** What is said before the first body: handshakes, authorization, upload URLs. */
const GREETINGS_BYTES = 8000;

/** From where more than greetings flow. */
export function fromFirstByte(wire: readonly Sample[]): Sample[] {
  const base = wire[0]?.value ?? 0;
  const first = wire.findIndex(({ value }) => value - base > GREETINGS_BYTES);
  return first < 0 ? [] : wire.slice(first);
}

export function share(rate: number, of: number): string {
  return `${((rate / of) * 100).toFixed(1)} %`;
}

/** Bytes in each 100 ms. */
export function traceOf(counter: readonly Sample[]): Trace {
  return steps(counter, 100).map(([, bytes]) => Math.round(bytes));
}

/** Mbit/s over time. @param step ms @param startMs where second 0 is */
export function rateLine(
  { name, colour }: { readonly name: string; readonly colour: string },
  counter: readonly Sample[],
  startMs = counter[0]?.atMs ?? 0,
  stepMs = 100,
): Line {
  const points = steps(counter, stepMs, startMs).map(
    ([second, bytes]) => [second, (bytes * 8) / stepMs / 1000] as const,
  );
  return { label: name, colour, points };
}

/** Seconds from the start and bytes of each step. */
function steps(
  counter: readonly Sample[],
  stepMs: number,
  startMs = counter[0]?.atMs ?? 0,
): (readonly [number, number])[] {
  const result: (readonly [number, number])[] = [];
  let last = counter[0];
  for (const sample of counter) {
    // A step ends with the sample that is nearest to its end.
    if (last === undefined || sample.atMs - last.atMs < stepMs - 10) continue;
    result.push([
      (sample.atMs - startMs) / 1000,
      ((sample.value - last.value) * stepMs) / (sample.atMs - last.atMs),
    ]);
    last = sample;
  }
  return result;
}
