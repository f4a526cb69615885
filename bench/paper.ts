/** What cannot be run here, on paper: a slower machine on a longer line, from the cost of a byte measured on this one. Pure. */
import { defaultMemoryBytes, neededMemoryBytes } from '../src/memory/plan.js';
import { bottleneckOf, type Stage } from '../src/tuning/limits.js';

/** CPU seconds per byte on one core. */
export interface Costs {
  /** Main thread, per byte of tar: the pipe is read, the bytes are copied into parts. */
  readonly read: number;
  /** Workers, per byte of tar. */
  readonly compress: number;
  /** Workers, per sealed byte: encryption, SHA-1, digest. */
  readonly seal: number;
  /** Main thread, per sealed byte: buffers go to the workers and back, sockets are written, over TLS encrypted. */
  readonly send: number;
}

export interface Scenario {
  readonly cores: number;
  /** How many times slower a core is than the measured one. */
  readonly slower: number;
  readonly lineBytesPerSecond: number;
  readonly roundTripSeconds: number;
  /** What one connection carries over that distance. */
  readonly connectionBytesPerSecond: number;
  readonly partBytes: number;
  readonly tarBytes: number;
}

export interface Forecast {
  readonly cpu: number;
  readonly line: number;
  readonly limit: Stage;
  /** Bytes of tar per second. */
  readonly rate: number;
  readonly seconds: number;
  readonly storedBytes: number;
  /** Share of one core. */
  readonly mainThread: number;
  readonly connections: number;
  readonly memoryBytes: number;
}

/** @param share sealed bytes per byte of tar @param compressionBytes buffers of the codec */
export function forecast(
  costs: Costs,
  share: number,
  compressionBytes: number,
  scenario: Scenario,
): Forecast {
  const {
    cores,
    slower,
    lineBytesPerSecond,
    roundTripSeconds,
    connectionBytesPerSecond,
    partBytes,
    tarBytes,
  } = scenario;
  const main = slower * (costs.read + share * costs.send);
  const workers = slower * (costs.compress + share * costs.seal);
  // All of it on all cores; and the main thread has no more than one of them.
  const cpu = Math.min(cores / (main + workers), 1 / main);
  const line = lineBytesPerSecond / share;
  const { stage, rate } = bottleneckOf({ reading: undefined, cpu, line });
  // Between two parts a connection waits for an answer.
  const each = partBytes / (partBytes / connectionBytesPerSecond + roundTripSeconds);
  const connections = Math.ceil((rate * share) / each);
  const partBuffers = connections + 2 + cores;
  const needed = neededMemoryBytes({ workers: cores, compressionBytes, partBytes, partBuffers });
  return {
    cpu,
    line,
    limit: stage,
    rate,
    seconds: tarBytes / rate,
    storedBytes: tarBytes * share,
    mainThread: main * rate,
    connections,
    memoryBytes: Math.max(defaultMemoryBytes(cores), needed),
  };
}
