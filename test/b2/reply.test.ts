import assert from 'node:assert/strict';
import { test } from 'node:test';
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
    assert.equal(field.url({ url }, 'url'), url);
  for (const url of [
    'http://f001.backblazeb2.com',
    'file:///etc/passwd',
    'https://a"b',
    'https://u:p@host/',
    'https://a\nurl = b',
    'x',
    'http://127.0.0.1.example.org/',
  ])
    assert.throws(() => field.url({ url }, 'url'), UnreadableReply);
});
