/**
 * What users of other B2 clients report of the real service, against the store: docs/b2.md lists the reports. Half an hour of this
 * clock is two seconds.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ObjectStore } from '../../src/store.js';
import type { B2Server } from '../support/b2-server/server.js';
import { quickClock } from './quick-clock.js';
import { body, meta, sha1 } from './store.contract.js';
import { BUCKET, withStore } from './with-store.js';

const MINUTE_MS = 60_000;
const PARTS = [Buffer.alloc(3000, 1), Buffer.alloc(3000, 2), Buffer.alloc(10, 3)];

const says = (status: number, code: string, message: string) =>
  ({ kind: 'status', status, code, message }) as const;
const NO_UPLOADS = says(503, 'service_unavailable', 'No uploads available in vault 1234');
const NO_SPACE = says(503, 'service_unavailable', 'not enough space in c001_v0001234_t0042');

/** Plants it for so many minutes of the quick clock. */
async function badMinutes(
  server: B2Server,
  minutes: number,
  rule: Parameters<B2Server['faults']['add']>[0],
): Promise<void> {
  const { name } = server.faults.add(rule);
  await quickClock.sleep(minutes * MINUTE_MS);
  server.faults.remove(name);
}

async function upload(store: ObjectStore, fileName: string): Promise<void> {
  const fileId = await store.startLarge(meta(fileName));
  await Promise.all(PARTS.map((part, i) => store.uploadPart(fileId, i + 1, body(part))));
  const version = await store.finishLarge(fileId, PARTS.map(sha1));
  assert.equal(version.fileId, fileId);
}

const count = (server: B2Server, operation: string) =>
  server.requests.filter((request) => request.operation === operation).length;

describe('a vault in trouble', { concurrency: 4 }, () => {
  it('half an hour without uploads in it: the volume is waited for, not cancelled', async () => {
    await withStore({}, {}, async (store, server) => {
      await Promise.all([
        upload(store, 'volume'),
        badMinutes(server, 30, { on: ['upload_part', 'get_upload_part_url'], fault: NO_UPLOADS }),
      ]);
      assert.equal(count(server, 'b2_start_large_file'), 1);
      assert.equal(count(server, 'b2_cancel_large_file'), 0);
      const sent = count(server, 'b2_upload_part');
      assert.ok(sent <= 3 * 16, `${sent} bodies sent for 3 parts`);
    });
  });

  it('twenty minutes of "too busy" for one volume, while others are stored: the same', async () => {
    await withStore({}, { connections: 4 }, async (store, server) => {
      let bad = true;
      const others = async () => {
        for (let n = 0; bad; n++) await upload(store, `good ${n}`);
      };
      await Promise.all([
        others(),
        upload(store, 'bad').finally(() => {
          bad = false;
        }),
        badMinutes(server, 20, { on: 'upload_part', file: 'bad', fault: says(503, 'x', 'c1 is too busy') }),
      ]);
      assert.equal(server.bucket(BUCKET).read('bad').length, 6010);
      assert.equal(count(server, 'b2_cancel_large_file'), 0);
      const sent = server.requests.filter(
        ({ operation, fileName }) => operation === 'b2_upload_part' && fileName === 'bad',
      ).length;
      // Twice without a pause, nine times in the 4 min of growing pauses, every 2½ min from there on, if chance makes each as short as it may be.
      assert.ok(sent <= 3 * 18, `${sent} bodies sent for 3 parts`);
    });
  });

  it('no space at the finish for twenty minutes: it is finished later, with nothing sent again', async () => {
    await withStore({}, {}, async (store, server) => {
      await Promise.all([
        upload(store, 'volume'),
        badMinutes(server, 20, { on: 'finish_large_file', fault: NO_SPACE }),
      ]);
      assert.equal(count(server, 'b2_upload_part'), 3);
    });
  });

  it('full for good: lost after three quarters of an hour', async () => {
    await withStore({ faults: ['upload_part=full-vault@1'] }, {}, async (store) => {
      const begun = quickClock.monotonic();
      await assert.rejects(upload(store, 'volume'), { name: 'VolumeLost' });
      assert.ok(quickClock.monotonic() - begun >= 45 * MINUTE_MS);
    });
  });
});

describe('B2 that is gone in mid-run', () => {
  it('ends the run after a quarter of an hour, not earlier and hardly later', async () => {
    await withStore({}, {}, async (store, server) => {
      const fileId = await store.startLarge(meta('volume'));
      await store.uploadPart(fileId, 1, body(Buffer.alloc(3000, 1)));
      server.faults.add('upload_part,get_upload_part_url=reset-before');
      const begun = quickClock.monotonic();
      await assert.rejects(store.uploadPart(fileId, 2, body(Buffer.alloc(3000, 2))), {
        kind: 'unavailable',
        message: /tries in 1[56] min/,
        hint: /check the network/,
      });
      const minutes = (quickClock.monotonic() - begun) / MINUTE_MS;
      assert.ok(minutes >= 15 && minutes < 17, `${minutes} min`);
    });
  });
});

describe('a key that worked', () => {
  const REFUSED = says(401, 'unauthorized', '');

  it('and is refused for some minutes in mid-run: the login is tried again', async () => {
    await withStore({}, {}, async (store, server) => {
      server.expireTokens();
      await Promise.all([
        upload(store, 'volume'),
        badMinutes(server, 5, { on: 'authorize_account', fault: REFUSED }),
      ]);
      assert.ok(count(server, 'b2_authorize_account') > 3);
    });
  });

  it('and is refused for good: told as what it is, after a quarter of an hour', async () => {
    await withStore({}, {}, async (store, server) => {
      server.expireTokens();
      server.faults.add({ on: 'authorize_account', fault: REFUSED });
      const begun = quickClock.monotonic();
      await assert.rejects(upload(store, 'volume'), { kind: 'denied', message: /does not accept the app/ });
      assert.ok(quickClock.monotonic() - begun >= 15 * MINUTE_MS);
    });
  });

  it('and is refused while the run is being stopped: stopped at once', async () => {
    await withStore({}, {}, async (store, server) => {
      server.expireTokens();
      server.faults.add({ on: 'authorize_account', fault: REFUSED });
      const abort = new AbortController();
      const running = store.put(meta('x'), body(Buffer.from('x')), abort.signal);
      await quickClock.sleep(MINUTE_MS);
      abort.abort(new Error('stop'));
      await assert.rejects(running, /stop/);
    });
  });
});

describe('words of B2', () => {
  for (const message of ['error reading uploaded data', 'more than one upload using auth token 4_x']) {
    it(`400 ${message}: sent again over another URL`, async () => {
      await withStore({}, {}, async (store, server) => {
        server.faults.add({
          on: ['upload_part', 'upload_file'],
          nth: 1,
          fault: says(400, 'bad_request', message),
        });
        await upload(store, 'volume');
        server.faults.clear();
        server.faults.add({ on: 'upload_file', nth: 1, fault: says(400, 'bad_request', message) });
        await store.put(meta('small'), body(Buffer.from('x')));
      });
    });
  }

  for (const message of ['not an active upload', 'No active upload for: 4_z']) {
    it(`400 ${message}: the volume is gone, which the caller learns at once`, async () => {
      await withStore({}, {}, async (store, server) => {
        server.faults.add({ on: 'upload_part', fault: says(400, 'bad_request', message) });
        await assert.rejects(upload(store, 'volume'), { name: 'VolumeLost' });
      });
    });
  }

  it('500 with an incident id: tried again', async () => {
    await withStore({}, {}, async (store, server) => {
      server.faults.add({ on: '*', every: 3, fault: says(500, 'internal_error', 'incident id 5f-1') });
      await upload(store, 'volume');
    });
  });

  for (const [status, code] of [
    [401, 'access_denied'],
    [401, 'unauthorized'],
    [403, 'access_denied'],
    [403, 'unauthorized'],
  ] as const) {
    it(`deleting what is locked, ${status} ${code} "Access Denied": locked`, async () => {
      await withStore({}, {}, async (store, server) => {
        const { fileId } = await store.put(meta('x'), body(Buffer.from('x')));
        server.faults.add({ on: 'delete_file_version', nth: 1, fault: says(status, code, 'Access Denied') });
        assert.equal(await store.deleteVersion('x', fileId), 'locked');
        assert.equal(await store.deleteVersion('x', fileId), 'deleted');
      });
    });
  }

  it('a key that may not delete is not taken for a lock', async () => {
    const keys = [{ keyId: 'reader', key: 'reader', capabilities: ['listBuckets', 'listFiles'] as const }];
    await withStore({ keys }, { keyId: 'reader', key: 'reader' }, async (store, server) => {
      const { fileId } = server.bucket(BUCKET).put('x', Buffer.from('x'));
      await assert.rejects(store.deleteVersion('x', fileId), { kind: 'denied', message: /deleteFiles/ });
    });
  });

  it('a page of HTML for an hour is the network, not B2', async () => {
    await withStore(
      {},
      { patience: { unreachableMs: MINUTE_MS, busyMs: MINUTE_MS } },
      async (store, server) => {
        server.faults.add('start_large_file=page:403');
        await assert.rejects(upload(store, 'x'), {
          kind: 'unavailable',
          message: /b2_start_large_file: 403 /,
          hint: /proxy or filter/,
        });
      },
    );
  });
});
