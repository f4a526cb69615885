/**
 * Which ranges of a chunk are worth compressing: photos, films and archives are not. The same bytes always get the same answer.
 *
 * First, measure how evenly a sample uses the 256 values of an octet. The sample is the last 128 octets of every 512, where a tar header has
 * only zeros, so that even one small file amid random bytes shows. If the result is close, as for photos, try deflate.
 */
import { deflate } from './deflate.js';

const SEGMENT_BYTES = 16 * 1024;
/** Segments that are judged together. Storing a shorter range saves less than restarting deflate after it costs. */
const GROUP = 4;
const STEP_BYTES = 512;
const SAMPLE_BYTES = 128;
/** See `unevenness`. A deflated file is 1.000 ± 0.006, a JPEG 1.02 to 1.06, random bytes with one tar header among them 1.2. */
const EVEN = 1.02;
const NEARLY_EVEN = 1.06;
/** A segment is stored if deflate leaves at least this share of it. */
const SHRINKS_TO = 0.999;

export interface ClassifiedRange {
  readonly start: number;
  readonly end: number;
  readonly compressible: boolean;
}

/** Divides all of `input` into alternating compressible and incompressible ranges. */
export function classify(input: Uint8Array): ClassifiedRange[] {
  const found: ClassifiedRange[] = [];
  const add = (start: number, end: number, compressible: boolean): void => {
    if (end <= start) return;
    const before = found.at(-1);
    if (before?.compressible === compressible) found[found.length - 1] = { ...before, end };
    else found.push({ start, end, compressible });
  };
  let done = 0;
  for (const run of nearlyEvenRuns(input)) {
    add(done, run.start, true);
    for (done = run.start; done < run.end;) {
      const end = groupEnd(done, run.end);
      add(done, end, !run.even && shrinks(input.subarray(end - SEGMENT_BYTES, end)));
      done = end;
    }
  }
  add(done, input.length, true);
  return found;
}

/** Whether all of it should be stored. */
export function isIncompressible(input: Uint8Array): boolean {
  const [only, ...others] = classify(input);
  return only?.compressible === false && others.length === 0;
}

interface Run {
  readonly start: number;
  readonly end: number;
  /** So even that compression gains nothing. */
  readonly even: boolean;
}

/** Runs of at least one group of segments. A partial segment at the end of the input belongs to the last one. */
function nearlyEvenRuns(input: Uint8Array): Run[] {
  const runs: Run[] = [];
  const finish = (start: number, end: number, even: boolean): void => {
    if (end - start >= GROUP * SEGMENT_BYTES) runs.push({ start, end, even });
  };
  let start = 0;
  let even = true;
  let at = 0;
  for (; at + SEGMENT_BYTES <= input.length; at += SEGMENT_BYTES) {
    const value = unevenness(input, at);
    if (value < NEARLY_EVEN) {
      even &&= value < EVEN;
    } else {
      finish(start, at, even);
      start = at + SEGMENT_BYTES;
      even = true;
    }
  }
  finish(start, at > start ? input.length : at, even);
  return runs;
}

/** The last group includes the rest. */
function groupEnd(start: number, runEnd: number): number {
  const end = start + GROUP * SEGMENT_BYTES;
  return end + GROUP * SEGMENT_BYTES > runEnd ? runEnd : end;
}

const counts = new Uint16Array(256);
const SAMPLED = (SEGMENT_BYTES / STEP_BYTES) * SAMPLE_BYTES;

/** 256 times the chance that two octets of the sample are equal: 1 if all values are equally frequent. */
function unevenness(input: Uint8Array, start: number): number {
  counts.fill(0);
  for (let step = start + STEP_BYTES - SAMPLE_BYTES; step < start + SEGMENT_BYTES; step += STEP_BYTES) {
    for (let at = step; at < step + SAMPLE_BYTES; at++) {
      const value = input[at] ?? 0;
      counts[value] = (counts[value] ?? 0) + 1;
    }
  }
  let squares = 0;
  for (const count of counts) squares += count * count;
  return ((squares - SAMPLED) * 256) / (SAMPLED * (SAMPLED - 1));
}

function shrinks(segment: Uint8Array): boolean {
  const bytes = deflate(segment, 2 * SEGMENT_BYTES, { level: 1 }, (deflated) => deflated.length);
  return bytes < segment.length * SHRINKS_TO;
}
