/** Proxies as the environment names them. Pure. */
import { Failure } from '../errors.js';

/** undefined: none. */
export interface Proxies {
  readonly httpProxy: string | undefined;
  readonly httpsProxy: string | undefined;
  readonly noProxy: string;
}

/** Loopback is never proxied. */
const LOOPBACK = 'localhost,127.0.0.1,[::1]';

/**
 * From HTTP_PROXY, HTTPS_PROXY, else ALL_PROXY, and NO_PROXY; lower case wins, as in curl.
 * @throws Failure `config`
 */
export function proxiesOf(env: Readonly<Record<string, string | undefined>>): Proxies {
  const noProxy = (env['no_proxy'] ?? env['NO_PROXY'] ?? '').trim();
  return {
    httpProxy: proxyUrl(env, 'http_proxy') ?? proxyUrl(env, 'all_proxy'),
    httpsProxy: proxyUrl(env, 'https_proxy') ?? proxyUrl(env, 'all_proxy'),
    noProxy: noProxy === '*' ? '*' : [noProxy, LOOPBACK].filter((names) => names !== '').join(','),
  };
}

/** `host:3128` means what curl takes it for: `http://host:3128`. */
function proxyUrl(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  const upper = name.toUpperCase();
  const [variable, value = ''] = env[name] === undefined ? [upper, env[upper]] : [name, env[name]];
  const text = value.trim();
  if (text === '') return undefined;
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (/^https?:/i.test(url) && URL.canParse(url)) return url;
  // It may hold a password.
  throw new Failure('config', `${variable} is not the URL of an HTTP proxy`, {
    hint: `write it as http://PROXY:PORT or http://USER:PASSWORD@PROXY:PORT, or unset ${variable}`,
  });
}
