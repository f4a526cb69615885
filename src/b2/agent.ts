/** The HTTP connections to B2: kept alive, bounded, through the environment's proxies. */
import { buildConnector, EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { proxiesOf } from './proxies.js';

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
  const { httpProxy, httpsProxy, noProxy } = proxiesOf(process.env);
  const connect = buildConnector({ timeout: connectMs, keepAlive: true });
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
    connect: (options, callback) => {
      connect(options, (...result) => {
        if (result[1] !== null) connected(result[1]);
        callback(...result);
      });
    },
  });
}
