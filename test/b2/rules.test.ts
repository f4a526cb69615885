import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextSliceBytes } from '../../src/b2/body.js';
import { endpointUrl } from '../../src/b2/endpoint.js';
import { readRule, withCancelRule } from '../../src/b2/lifecycle.js';
import { bucketName, checkPrefix, encodeName, fileNameProblem } from '../../src/b2/names.js';
import { readFileVersion, UnreadableReply } from '../../src/b2/reply.js';
import { Failure } from '../../src/errors.js';

const failure = (kind: string, message: RegExp) => (thrown: unknown) =>
  thrown instanceof Failure && thrown.kind === kind && message.test(thrown.message);

describe('bucket names', () => {
  const values = { accountId: '0123456789ab', host: 'web.example_1' };
  for (const [template, expected] of [
    ['backuppc-archive', 'backuppc-archive'],
    ['{accountId}-backuppc-{host}', '0123456789ab-backuppc-web-example-1'],
    ['{host}{host}', 'web-example-1web-example-1'],
  ] as const) {
    it(`${template} → ${expected}`, () => {
      assert.equal(bucketName(template, values), expected);
    });
  }
  it('refuses what B2 would refuse', () => {
    for (const name of ['short', 'b2-anything', 'under_score', 'dot.dot', 'x'.repeat(64), '']) {
      assert.throws(() => bucketName(name, values), failure('config', /cannot be the name/));
    }
    assert.throws(
      () => bucketName('backup-{user}', values),
      failure('config', /unknown placeholder \{user\}/),
    );
    assert.throws(
      () => bucketName('backup-{host}', { ...values, host: undefined }),
      failure('config', /needs a host/),
    );
  });
});

describe('file names', () => {
  it('are percent-encoded as B2 documents it', () => {
    assert.equal(encodeName('web.1.tar.gz.aa.gpg'), 'web.1.tar.gz.aa.gpg');
    assert.equal(encodeName('ä/ +%"é'), '%C3%A4/%20%2B%25%22%C3%A9');
    assert.equal(decodeURIComponent(encodeName('日本 100%')), '日本 100%');
  });
  it('are refused before B2 refuses them', () => {
    for (const name of ['a', 'x/y.z', 'ü'.repeat(125), `${'a'.repeat(250)}/${'b'.repeat(250)}`])
      assert.equal(fileNameProblem(name), undefined);
    for (const name of [
      '',
      '/a',
      'a/',
      'a//b',
      'a\\b',
      'a\nb',
      '\u007f',
      'x'.repeat(251),
      Array(6).fill('y'.repeat(200)).join('/'),
    ]) {
      assert.notEqual(fileNameProblem(name), undefined, name);
    }
  });
  it('must begin with the prefix of the key', () => {
    checkPrefix({ namePrefix: 'web/' }, 'web/1');
    checkPrefix({ namePrefix: undefined }, 'any');
    assert.throws(
      () => {
        checkPrefix({ namePrefix: 'web/' }, 'mail/1');
      },
      failure('denied', /"web\/", not "mail\/1"/),
    );
  });
});

describe('endpoint', () => {
  it('is https, or loopback', () => {
    assert.equal(endpointUrl(), 'https://api.backblazeb2.com');
    assert.equal(endpointUrl('https://b2.example/'), 'https://b2.example');
    assert.equal(endpointUrl('https://b2.example/base//'), 'https://b2.example/base');
    for (const local of ['http://127.0.0.1:8080', 'http://localhost:1', 'http://[::1]:1'])
      assert.equal(endpointUrl(local), local);
    for (const open of [
      'http://api.backblazeb2.com',
      'http://127.0.0.1.evil.example',
      'http://192.168.0.1',
      'ftp://x',
    ]) {
      assert.throws(() => endpointUrl(open), failure('config', /is not https/), open);
    }
    assert.throws(() => endpointUrl('api.backblazeb2.com'), failure('config', /not the URL/));
    assert.throws(() => endpointUrl('https://id:key@b2.example'), failure('config', /user or password/));
  });
  it('a password in it is not repeated', () => {
    assert.throws(
      () => endpointUrl('https://id:topsecret@b2.example'),
      (thrown) => thrown instanceof Failure && !/topsecret/.test(thrown.message),
    );
  });
});

describe('lifecycle rules', () => {
  it('cancel unfinished uploads only where nothing of the owner is in the way', () => {
    const keepOldRules = {
      fileNamePrefix: '',
      daysFromUploadingToHiding: null,
      daysFromHidingToDeleting: 1,
    };
    const cancel = { ...keepOldRules, daysFromStartingToCancelingUnfinishedLargeFiles: 7 };
    assert.deepEqual(withCancelRule([], undefined), { state: 'there', rules: [] });
    assert.deepEqual(withCancelRule([keepOldRules], 7), { state: 'changed', rules: [cancel] });
    assert.deepEqual(withCancelRule([cancel], 3), { state: 'there', rules: [cancel] });
    assert.equal(withCancelRule([{ ...keepOldRules, fileNamePrefix: 'a' }], 7).state, 'overlap');
    assert.deepEqual(withCancelRule([], 7).rules, [{ ...cancel, daysFromHidingToDeleting: null }]);
  });
  it('keep what this program does not know', () => {
    assert.equal((readRule({ fileNamePrefix: 'x', new: 1 }) as unknown as Record<string, unknown>)['new'], 1);
  });
});

describe('slices', () => {
  it('shrink where the socket is slow, grow where it is quick, within bounds', () => {
    let bytes = 256 * 1024;
    for (let i = 0; i < 10; i++) bytes = nextSliceBytes(bytes, 4000);
    assert.equal(bytes, 16 * 1024);
    for (let i = 0; i < 10; i++) bytes = nextSliceBytes(bytes, 1);
    assert.equal(bytes, 256 * 1024);
    assert.equal(nextSliceBytes(65_536, 300), 65_536);
  });
});

describe('file versions', () => {
  const fields = {
    action: 'upload',
    fileName: 'n',
    fileId: 'i',
    contentLength: 3,
    contentType: 't',
    uploadTimestamp: 5,
    fileInfo: { BB2: 'x' },
    contentSha1: 'a'.repeat(40),
  };
  it('are read with what Object Lock says', () => {
    const version = readFileVersion({
      ...fields,
      fileRetention: {
        isClientAuthorizedToRead: true,
        value: { mode: 'governance', retainUntilTimestamp: 99 },
      },
    });
    assert.deepEqual(version, {
      fileName: 'n',
      fileId: 'i',
      action: 'upload',
      contentLength: 3,
      contentSha1: 'a'.repeat(40),
      contentType: 't',
      uploadTimestamp: 5,
      fileInfo: { bb2: 'x' },
      lockedUntil: 99,
      legalHold: false,
    });
    assert.equal(readFileVersion({ ...fields, legalHold: { value: 'on' } }).legalHold, true);
    assert.equal(
      readFileVersion({ ...fields, fileRetention: { isClientAuthorizedToRead: false, value: null } })
        .lockedUntil,
      undefined,
    );
  });
  it('of large files and markers have no SHA-1', () => {
    assert.equal(readFileVersion({ ...fields, contentSha1: 'none' }).contentSha1, undefined);
    assert.equal(
      readFileVersion({ ...fields, action: 'hide', contentSha1: null, fileId: null }).contentSha1,
      undefined,
    );
    assert.equal(
      readFileVersion({ ...fields, contentSha1: `unverified:${'b'.repeat(40)}` }).contentSha1,
      'b'.repeat(40),
    );
  });
  it('are refused if they are not any', () => {
    assert.throws(() => readFileVersion({ action: 'upload' }), UnreadableReply);
  });
});
