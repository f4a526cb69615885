import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { after } from 'node:test';
import { Failure } from '../../src/errors.js';
import type { VolumeSecrets } from '../../src/openpgp/volume-secrets.js';
import type { SealRequest } from '../../src/sealing/ports.js';
import { createSealer } from '../../src/sealing/sealer.js';
import { DEATHS } from './dying.worker.js';
import { cleanUp, gpgByPassphrase } from './readers.js';
import { DIGEST_KEY, PART, sealVolume, type SmallEngine, smallEngine } from './sealed-volume.js';

after(cleanUp);

const dyingWorker = new URL('./dying.worker.js', import.meta.url);

function request(
  engine: SmallEngine,
  secrets: VolumeSecrets,
  part: number,
  more: Partial<SealRequest> = {},
): SealRequest {
  const { bufferBytes } = engine.layout;
  const buffer = new ArrayBuffer(bufferBytes);
  const dataBytes = engine.layout.dataBytes(part);
  return { secrets, volume: 1, part, last: false, buffer, dataBytes, digestKey: DIGEST_KEY, ...more };
}

async function withEngine(
  engine: Promise<SmallEngine>,
  use: (engine: SmallEngine) => Promise<void>,
): Promise<void> {
  const opened = await engine;
  try {
    await use(opened);
  } finally {
    await opened.close();
  }
}

for (const [death, expected, kind] of [
  ['exit', /worker thread died while sealing a part: .*code: 3/, 'internal'],
  ['throw', /worker thread died while sealing a part: a defect/, 'internal'],
  ['heap', /worker thread ran out of memory while sealing a part/, 'local'],
] as const) {
  for (const profile of ['librepgp', 'rfc4880'] as const) {
    test(`${profile}: a worker that meets its end (${death}) fails its part with the reason; the others are unharmed`, () =>
      withEngine(smallEngine({ profile, workerFile: dyingWorker }), async (engine) => {
        const secrets = await engine.newVolume();
        const deadly = request(engine, secrets, 0, { digestKey: new Uint8Array(32).fill(DEATHS[death]) });
        const data = randomBytes(PART * 5);
        const [died, sealed] = await Promise.allSettled([engine.seal(deadly), sealVolume(engine, data)]);
        assert.ok(died.status === 'rejected' && died.reason instanceof Failure);
        assert.match(died.reason.message, expected);
        assert.equal(died.reason.kind, kind);
        if (profile === 'librepgp') {
          assert.ok(sealed.status === 'fulfilled');
          assert.ok(gpgByPassphrase(sealed.value.message, 'correct horse').equals(data));
        }
        // The pool lives on.
        const again = await sealVolume(engine, data);
        assert.ok(gpgByPassphrase(again.message, 'correct horse').equals(data));
      }));
  }
}

test('a worker module that cannot be loaded fails every task, now and later', async () => {
  const engine = await smallEngine({
    profile: 'librepgp',
    workerFile: new URL('./missing.worker.js', import.meta.url),
  });
  const broken = (error: unknown) => error instanceof Failure && /worker thread died/.test(error.message);
  await assert.rejects(engine.newVolume(), broken);
  await assert.rejects(engine.newVolume(), broken);
  await engine.close();
});

test('a hung worker fails every task with the reason, and can still be closed', async () => {
  const engine = await smallEngine({ profile: 'librepgp', workerFile: dyingWorker, taskTimeoutMs: 3000 });
  const secrets = await engine.newVolume();
  const hanging = engine.seal(
    request(engine, secrets, 0, { digestKey: new Uint8Array(32).fill(DEATHS.hang) }),
  );
  await assert.rejects(hanging, /a worker thread has hung for 3 s while sealing a part/);
  await assert.rejects(engine.seal(request(engine, secrets, 1)), /hung/);
  await engine.close();
});

test('a chain that is not continued where it stopped is refused', () =>
  withEngine(smallEngine({ profile: 'rfc4880' }), async (engine) => {
    const secrets = await engine.newVolume();
    await engine.seal(request(engine, secrets, 0));
    await assert.rejects(engine.seal(request(engine, secrets, 2)), /does not continue its chain/);
    await assert.rejects(engine.seal(request(engine, secrets, 1)), /does not continue its chain/);
    // Begun anew, it is a fresh chain.
    await engine.seal(request(engine, secrets, 0));
    await engine.seal(request(engine, secrets, 1, { last: true, dataBytes: 0 }));
  }));

test('two volumes may be in flight at once in one chain thread', () =>
  withEngine(smallEngine({ profile: 'rfc4880' }), async (engine) => {
    const [a, b] = [randomBytes(PART * 4), randomBytes(PART * 4 + 3)];
    const [first, second] = await Promise.all([sealVolume(engine, a), sealVolume(engine, b)]);
    assert.ok(gpgByPassphrase(first.message, 'correct horse').equals(a));
    assert.ok(gpgByPassphrase(second.message, 'correct horse').equals(b));
  }));

test('one worker, or many, seal the same bytes under the same secrets', async () => {
  for (const profile of ['librepgp', 'rfc4880', 'rfc9580'] as const) {
    const data = randomBytes(PART * 7 + 100);
    let secrets: VolumeSecrets | undefined;
    const messages: Buffer[] = [];
    for (const workers of [1, 2, 5]) {
      await withEngine(smallEngine({ profile, workers }), async (engine) => {
        secrets ??= await engine.newVolume();
        messages.push((await sealVolume(engine, data, secrets)).message);
      });
    }
    assert.ok(
      messages.every((message) => message.equals(messages[0] ?? Buffer.alloc(0))),
      profile,
    );
  }
});

test('the digest follows the data and the key, not the secrets of the volume', () =>
  withEngine(smallEngine({ profile: 'librepgp' }), async (engine) => {
    const data = randomBytes(PART * 2);
    const { digests } = await sealVolume(engine, data);
    assert.deepEqual((await sealVolume(engine, data)).digests, digests);
    const changed = Buffer.from(data);
    changed.writeUInt8(changed.readUInt8(PART + 77) ^ 1, PART + 77);
    const other = (await sealVolume(engine, changed)).digests;
    assert.equal(other[0], digests[0]);
    assert.notEqual(other[1], digests[1]);
    assert.notEqual(new Set(digests).size, 1);
    const secrets = await engine.newVolume();
    const one = await engine.seal(request(engine, secrets, 0));
    const two = await engine.seal(request(engine, secrets, 0, { digestKey: new Uint8Array(32).fill(9) }));
    assert.notEqual(one.digest, two.digest);
  }));

test('a closed engine refuses new tasks, and finishes running ones first', async () => {
  const engine = await smallEngine({ profile: 'librepgp' });
  const secrets = await engine.newVolume();
  const running = engine.seal(request(engine, secrets, 0));
  await engine.close();
  await running;
  await assert.rejects(engine.seal(request(engine, secrets, 1)), /closed/);
});

test('an engine with nobody to encrypt to, or with GCM in a profile that has none, is a configuration error', async () => {
  const options = { workers: 1, profile: 'librepgp', partBytes: 5 << 20 } as const;
  const config = (expected: RegExp) => (error: unknown) =>
    error instanceof Failure && error.kind === 'config' && expected.test(error.message);
  await assert.rejects(
    createSealer({ ...options, aead: 'ocb', passwords: [] }),
    config(/neither a passphrase/),
  );
  await assert.rejects(createSealer({ ...options, aead: 'gcm', passwords: ['x'] }), config(/GCM/));
});
