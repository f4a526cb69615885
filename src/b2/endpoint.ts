import { Failure } from '../errors.js';

const DEFAULT_ENDPOINT = 'https://api.backblazeb2.com';
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/**
 * The URL that logins go to, without a slash at its end. Pure.
 * @throws Failure `config`: the application key travels in this request, so plain http is only for loopback
 */
export function endpointUrl(endpoint: string = DEFAULT_ENDPOINT): string {
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    throw new Failure('config', `"${endpoint}" is not the URL of a B2 endpoint`, {
      hint: `for example ${DEFAULT_ENDPOINT}`,
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new Failure('config', 'the URL of the B2 endpoint holds a user or password', {
      hint: 'put key ID and key into the secrets file',
    });
  }
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.test(url.hostname))) {
    throw new Failure('config', `the B2 endpoint ${url.origin} is not https`, {
      hint: 'the application key would travel in the clear; plain http is only for 127.0.0.1',
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
