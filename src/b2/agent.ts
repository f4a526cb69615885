/** The HTTP connections to B2: kept alive, bounded, through the environment's proxies. */
import { EnvHttpProxyAgent, type Dispatcher } from 'undici';

/**
 * One agent for a store. Proxies come from HTTP_PROXY, HTTPS_PROXY and NO_PROXY (either case); loopback is never proxied.
 * undici's own time-outs are off: `sendBody` and `exchange` have better ones, on the injected clock.
 * @param connections - at most this many per upload pod
 */
export function createAgent(connections: number, connectMs: number): Dispatcher {
  const noProxy = process.env['no_proxy'] ?? process.env['NO_PROXY'] ?? '';
  return new EnvHttpProxyAgent({
    noProxy: noProxy.trim() === '*' ? '*' : `${noProxy},localhost,127.0.0.1,[::1]`,
    connections,
    pipelining: 1,
    keepAliveTimeout: 20_000,
    keepAliveMaxTimeout: 60_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: connectMs, keepAlive: true },
  });
}
