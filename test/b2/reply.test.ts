import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAuthorization } from '../../src/b2/authorization.js';
import { readUploadUrl } from '../../src/b2/upload-urls.js';
import { field, UnreadableReply } from '../../src/b2/reply.js';

test("tokens and URLs of an answer: only what cannot break out of a header or of curl's configuration", () => {
  for (const token of ['4_002_0199=', 'K+/aZ', 'token-for-web.1.tar%2F'.replace('%2F', '/')])
    assert.equal(field.token({ token }, 'token'), token);
  for (const token of ['', 'a b', 'a"b', "a'b", 'a\nb', 'a\\b', 'a\u00e9'])
    assert.throws(() => field.token({ token }, 'token'), UnreadableReply);
  for (const url of [
    'https://f001.backblazeb2.com',
    'https://pod-000.example/b2api/v2/x?cvt=c1&bucket=b',
    'http://127.0.0.1:99/x',
    'http://[::1]:9',
  ])
    assert.equal(field.url({ url }, 'url', 'http://127.0.0.1:1'), url);
  for (const url of [
    'http://f001.backblazeb2.com',
    'file:///etc/passwd',
    'https://a"b',
    'https://u:p@host/',
    'https://a\nurl = b',
    'x',
    'http://127.0.0.1.example.org/',
  ])
    assert.throws(() => field.url({ url }, 'url', 'http://127.0.0.1:1'), UnreadableReply);
});

const HTTPS = 'https://api.backblazeb2.com';
const LOCAL = 'http://127.0.0.1:99';

const login = (over: { token?: string; apiUrl?: string; downloadUrl?: string }): Record<string, unknown> => ({
  accountId: 'a',
  authorizationToken: over.token ?? '4_0=',
  apiInfo: {
    storageApi: {
      apiUrl: over.apiUrl ?? 'https://api001.backblazeb2.com',
      downloadUrl: over.downloadUrl ?? 'https://f001.backblazeb2.com',
      recommendedPartSize: 1e8,
      absoluteMinimumPartSize: 5e6,
      allowed: { capabilities: [], buckets: null, namePrefix: null },
    },
  },
});

test("https stays https: where the login went over it, no address that follows is plain http, this machine's neither", () => {
  assert.equal(readAuthorization(login({}), HTTPS).apiUrl, 'https://api001.backblazeb2.com');
  for (const apiUrl of [LOCAL, 'http://localhost:1', 'http://[::1]:1', 'http://api001.backblazeb2.com']) {
    assert.throws(() => readAuthorization(login({ apiUrl }), HTTPS), /apiUrl/);
    assert.throws(() => readAuthorization(login({ downloadUrl: apiUrl }), HTTPS), /downloadUrl/);
    const reply = { uploadUrl: apiUrl, authorizationToken: '4_0=' };
    assert.throws(() => readUploadUrl(reply, 'https://api001.backblazeb2.com'), /uploadUrl/);
  }
  // A test server's.
  assert.equal(readAuthorization(login({ apiUrl: LOCAL, downloadUrl: LOCAL }), LOCAL).downloadUrl, LOCAL);
  assert.equal(readUploadUrl({ uploadUrl: LOCAL, authorizationToken: '4_0=' }, LOCAL).url, LOCAL);
  // Whoever logs in here may well be sent on to B2.
  assert.equal(readAuthorization(login({}), LOCAL).downloadUrl, 'https://f001.backblazeb2.com');
});

test("a token that ends a header or a line of curl's configuration is refused, wherever it is given", () => {
  for (const token of ['4_0="\nurl = "https://evil.example', '4_0=\r\nX: y', '4_0= ', '4_0=\u0000', ''])
    for (const read of [
      () => readAuthorization(login({ token }), HTTPS),
      () => readUploadUrl({ uploadUrl: HTTPS, authorizationToken: token }, HTTPS),
    ])
      assert.throws(read, /authorizationToken/);
});
