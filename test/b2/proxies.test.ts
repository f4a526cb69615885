import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { proxiesOf } from '../../src/b2/proxies.js';

describe('proxies of the environment', () => {
  for (const [env, httpProxy, httpsProxy] of [
    [{}, undefined, undefined],
    [{ https_proxy: 'host:3128' }, undefined, 'http://host:3128'],
    [{ https_proxy: 'user:secret@host:3128' }, undefined, 'http://user:secret@host:3128'],
    [{ HTTPS_PROXY: ' http://host:3128 ' }, undefined, 'http://host:3128'],
    [{ HTTPS_PROXY: 'https://host' }, undefined, 'https://host'],
    [{ HTTPS_PROXY: 'http://upper', https_proxy: 'http://lower' }, undefined, 'http://lower'],
    [{ HTTPS_PROXY: 'http://upper', https_proxy: '' }, undefined, undefined],
    [{ http_proxy: '[::1]:8080' }, 'http://[::1]:8080', undefined],
    [{ ALL_PROXY: 'host:3128' }, 'http://host:3128', 'http://host:3128'],
    [{ ALL_PROXY: 'http://all', https_proxy: 'http://own' }, 'http://all', 'http://own'],
  ] as const) {
    it(`${JSON.stringify(env)} → ${String(httpsProxy ?? httpProxy)}`, () => {
      const proxies = proxiesOf(env);
      assert.deepEqual([proxies.httpProxy, proxies.httpsProxy], [httpProxy, httpsProxy]);
    });
  }

  it('what is not an HTTP proxy is refused, without showing secrets in it', () => {
    for (const value of ['socks5://user:secret@host:1080', 'http://', 'ftp://secret', 'a secret b'])
      assert.throws(
        () => proxiesOf({ HTTPS_PROXY: value }),
        (thrown: Error) => /HTTPS_PROXY/.test(thrown.message) && !thrown.message.includes('secret'),
      );
  });

  it('loopback and NO_PROXY go past it', () => {
    assert.equal(proxiesOf({ NO_PROXY: '.example' }).noProxy, '.example,localhost,127.0.0.1,[::1]');
    assert.equal(proxiesOf({ no_proxy: '*' }).noProxy, '*');
    assert.equal(proxiesOf({}).noProxy, 'localhost,127.0.0.1,[::1]');
  });
});
