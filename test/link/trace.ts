/** A moment and a figure: bytes so far, or a round trip in ms. */
export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

/** The lines of a sampler, whose first word is the time. `column` 1 is the word after it. */
export function samplesOf(lines: readonly string[], column = 1): Sample[] {
  return lines.flatMap((line) => {
    const words = line.split(' ');
    const [at, value] = [words[0], words[column]].map(Number);
    return at === undefined || value === undefined || Number.isNaN(at) || Number.isNaN(value)
      ? []
      : [{ atMs: at, value }];
  });
}

/** The clock of all samplers: CLOCK_MONOTONIC, the same in every process. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function between(samples: readonly Sample[], fromMs: number, toMs: number): Sample[] {
  return samples.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
}

/** Mean of a counter, per second. */
export function meanRate(samples: readonly Sample[]): number {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last === first) return 0;
  return ((last.value - first.value) * 1000) / (last.atMs - first.atMs);
}

/** The busiest window of a counter, per second. */
export function busiestRate(samples: readonly Sample[], windowMs: number): number {
  let most = 0;
  let from = 0;
  for (const [index, sample] of samples.entries()) {
    while ((samples[from + 1]?.atMs ?? Infinity) <= sample.atMs - windowMs) from += 1;
    const first = samples[from];
    if (first === undefined || index === from || sample.atMs - first.atMs < windowMs) continue;
    most = Math.max(most, ((sample.value - first.value) * 1000) / (sample.atMs - first.atMs));
  }
  return most;
}

export function percentile(samples: readonly Sample[], share: number): number {
  const values = samples.map(({ value }) => value).sort((one, other) => one - other);
  return values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
}
