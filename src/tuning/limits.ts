/** What limits an archive on this machine, how long one takes, and what it costs. Pure; rates are bytes of tar per second. */

export type Stage = 'reading' | 'cpu' | 'line';

/** undefined: not measured. */
export interface StageRates {
  readonly reading: number | undefined;
  readonly cpu: number;
  readonly line: number | undefined;
}

export interface Bottleneck {
  readonly stage: Stage;
  readonly rate: number;
  /** How many times faster the next slowest stage is; undefined where nothing else was measured. */
  readonly headroom: number | undefined;
}

/**
 * Compressing and sealing share the workers: the time of a byte is that of both.
 * @param compress tar bytes per second; undefined without compression
 * @param seal sealed bytes per second
 * @param share sealed bytes per tar byte
 */
export function cpuRate(compress: number | undefined, seal: number, share: number): number {
  return 1 / ((compress === undefined ? 0 : 1 / compress) + share / seal);
}

/** The line carries what compression leaves. */
export function stageRates(
  reading: number | undefined,
  cpu: number,
  lineRate: number | undefined,
  share: number,
): StageRates {
  return { reading, cpu, line: lineRate === undefined ? undefined : lineRate / share };
}

export function bottleneckOf(rates: StageRates): Bottleneck {
  const known = (['line', 'cpu', 'reading'] as const)
    .flatMap((stage) => {
      const rate = rates[stage];
      return rate === undefined ? [] : [{ stage, rate }];
    })
    .sort((a, b) => a.rate - b.rate);
  const [slowest = { stage: 'cpu' as const, rate: rates.cpu }, next] = known;
  return { ...slowest, headroom: next === undefined ? undefined : next.rate / slowest.rate };
}

export interface Estimate {
  readonly seconds: number;
  readonly storedBytes: number;
  readonly perMonth: number;
}

/** B2 bills by the decimal terabyte. */
const TERABYTE = 1e12;

export function estimate(tarBytes: number, rate: number, share: number, pricePerTerabyte: number): Estimate {
  const storedBytes = tarBytes * share;
  return {
    seconds: tarBytes / rate,
    storedBytes,
    perMonth: (storedBytes / TERABYTE) * pricePerTerabyte,
  };
}
