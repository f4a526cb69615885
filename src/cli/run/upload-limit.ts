/** The upload limit of a run, set by flag, file, command or signal. */
import { createThrottle, type Limiter } from '../../bandwidth/limiter.js';
import { tcpProbe, type DelayProbe } from '../../bandwidth/delay-probe.js';
import { readLimitFile, watchLimitFile } from '../../bandwidth/limit-file.js';
import { parseLimitSpec, type LimitSpec } from '../../bandwidth/limit.js';
import type { Clock } from '../../clock.js';
import type { Config } from '../../config/schema.js';
import type { Emit, RunEvent } from '../../events.js';

export interface UploadLimitContext {
  readonly config: Config;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** Probes the route to B2's endpoint, most of which the uploads share. */
export function endpointProbe(endpoint: string): DelayProbe {
  const { hostname, port, protocol } = new URL(endpoint);
  return tcpProbe(
    hostname.replace(/^\[|\]$/g, ''),
    Number(port === '' ? (protocol === 'https:' ? 443 : 80) : port),
  );
}

/** @throws Failure `usage` or `config` for a limit that cannot be understood. The caller closes it. */
export async function openUploadLimit({ config, clock, emit }: UploadLimitContext): Promise<Limiter> {
  const { bwlimit_file: file } = config;
  const spec = await firstLimit(config);
  const limiter = createThrottle(spec, {
    clock,
    emit,
    probe: endpointProbe(config.endpoint),
  });
  const ends = new AbortController();
  const close = limiter.close.bind(limiter);
  const onSignal = (): void => {
    limiter.toggle('SIGUSR2');
  };
  process.on('SIGUSR2', onSignal);
  limiter.close = () => {
    ends.abort();
    process.off('SIGUSR2', onSignal);
    close();
  };
  if (file !== undefined) {
    void watchLimitFile(file, {
      clock,
      emit,
      signal: ends.signal,
      onChange: (changed, reason) => {
        limiter.set(changed, reason);
      },
    });
  }
  return limiter;
}

/** The same; what it reports is held until `release`: the run's opening line comes first, and names a limit that stays what it is. */
export async function openHeldLimit(
  context: UploadLimitContext,
): Promise<{ readonly limiter: Limiter; readonly release: () => void }> {
  const held: RunEvent[] = [];
  let released = false;
  const emit: Emit = (event) => {
    if (released) context.emit(event);
    else held.push(event);
  };
  const limiter = await openUploadLimit({ ...context, emit });
  return {
    limiter,
    release() {
      released = true;
      const { next, auto } = limiter.status();
      const varies = next !== undefined || auto !== undefined;
      for (const event of held) if (varies || event.type !== 'limit-changed') context.emit(event);
    },
  };
}

/** The file decides. If it has no usable limit, one that is set beside it applies, and the watch reports that. */
async function firstLimit(config: Config): Promise<LimitSpec> {
  const { bwlimit_file: file } = config;
  if (file === undefined) return parseLimitSpec(config.bwlimit);
  if (!config.given.has('bwlimit')) return readLimitFile(file);
  const standIn = parseLimitSpec(config.bwlimit);
  return readLimitFile(file).catch(() => standIn);
}
