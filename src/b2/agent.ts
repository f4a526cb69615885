/** The HTTP connections to B2: kept alive, bounded, through the environment's proxies. */
import type { Readable } from 'node:stream';
import { buildConnector, EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { proxiesOf } from './proxies.js';

type Connect = ReturnType<typeof buildConnector>;

/**
 * One agent for a store. Proxies come from the environment.
 * undici's own time-outs are off: `sendBody` and `exchange` have better ones, on the injected clock.
 * @param connections - at most this many per upload pod
 * @param connected - is told of each new connection that does not go through a proxy
 */
export function createAgent(
  connections: number,
  connectMs: number,
  connected: (socket: object) => void = () => undefined,
): Dispatcher {
  const connect = buildConnector({ timeout: connectMs, keepAlive: true });
  return proxied(connections, (options, callback) => {
    connect(options, (...result) => {
      if (result[1] !== null) connected(result[1]);
      callback(...result);
    });
  });
}

/** What one read takes at most. */
const READ_BYTES = 128 * 1024;

/**
 * One agent for large answers: only for `receive`, as what it hands out is overwritten by the next read. New memory for each read would
 * cost more CPU than reading does, most of it in the garbage collector.
 */
export function createReceivingAgent(connections: number, connectMs: number): Dispatcher {
  return proxied(connections, (options, callback) => {
    let socket: Readable | undefined;
    let next = Buffer.allocUnsafeSlow(READ_BYTES);
    let other = Buffer.allocUnsafeSlow(READ_BYTES);
    const onread = {
      buffer: () => next,
      callback(bytes: number): boolean {
        // A server that speaks before it was asked speaks no HTTP.
        if (socket === undefined) return true;
        const piece = next.subarray(0, bytes);
        // With the piece before not taken yet, both memories would be full.
        if (socket.readableLength > 0) return socket.push(Buffer.from(piece));
        [next, other] = [other, next];
        return socket.push(piece);
      },
    };
    // Full with any piece: the next read waits until this one is taken.
    const reading = { onread, highWaterMark: 1 };
    buildConnector({ timeout: connectMs, keepAlive: true, ...reading })(options, (...result) => {
      socket = result[1] ?? undefined;
      callback(...result);
    });
  });
}

function proxied(connections: number, connect: Connect): Dispatcher {
  const { httpProxy, httpsProxy, noProxy } = proxiesOf(process.env);
  return new EnvHttpProxyAgent({
    // An empty string is none; undefined would let the package look into the environment itself.
    httpProxy: httpProxy ?? '',
    httpsProxy: httpsProxy ?? '',
    noProxy,
    connections,
    pipelining: 1,
    keepAliveTimeout: 20_000,
    keepAliveMaxTimeout: 60_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect,
  });
}
