import { stall } from './connections.js';
import type { Exchange } from './exchange.js';
import { EarlyAnswer, ForeignPage } from './errors.js';
import { errorOf, fullVault, planted } from './faulty-answer.js';
import type { Fault } from './fault-rule.js';
import type { Site } from './site.js';
import type { Arrival } from './uploads.js';

/** An upload as it comes in, with what the fault does to it before it is stored. What acts on the answer is not seen here. */
export function arrivalOf(
  { service, fullVaults }: Site,
  exchange: Exchange,
  apiVersion: number,
  fault: Fault | undefined,
): Arrival {
  const { request, connection, entry } = exchange;
  const half = Math.max(1, Number(request.headers['content-length'] ?? 0) >>> 1);
  const arrival: Arrival = {
    request,
    path: (request.url ?? '').replace(/\?.*/s, ''),
    apiVersion,
    pace: connection.pace,
    refusal: undefined,
    interruption: undefined,
    stopReason: planted(),
    received: (bytes) => {
      entry.bytesIn = bytes;
    },
  };
  switch (fault?.kind) {
    case 'status': {
      const error = errorOf(fault);
      if (fault.early === undefined) return { ...arrival, refusal: error };
      return {
        ...arrival,
        stopReason: fault.early === 'drain' ? new EarlyAnswer(error) : error,
        interruption: { afterBytes: fault.afterBytes ?? 1, act: () => 'stop' },
      };
    }
    case 'page':
      return { ...arrival, refusal: new ForeignPage(fault.status) };
    case 'full-vault':
      if (entry.fileId !== undefined) fullVaults.add(entry.fileId);
      return { ...arrival, refusal: fullVault() };
    case 'reset':
      if (fault.when === 'after') return { ...arrival, refusal: planted() };
      return { ...arrival, interruption: { afterBytes: fault.afterBytes ?? half, act: () => 'stop' } };
    case 'stall':
      if (fault.when === 'answer') return arrival;
      return {
        ...arrival,
        interruption: {
          afterBytes: fault.afterBytes ?? half,
          act: () => stall(request.socket, fault, (ms) => service.clock.sleep(ms)),
        },
      };
    case 'lost-answer':
    case 'wrong-sha1':
    case 'empty-answer':
    case 'flip-bit':
    case 'delay':
    case undefined:
      return arrival;
  }
}
