/**
 * More than an hour of everything that B2 and a line can do, in less than half a minute: store, retries, pacing, journal and run live by one clock with
 * the server. What a run cannot survive (a cap, a long outage) the next one does.
 */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { newCounters } from '../../src/archive/counters.js';
import { joinEarlierRun } from '../../src/archive/earlier-run.js';
import { objectMetas } from '../../src/archive/object-meta.js';
import { runArchive } from '../../src/archive/run.js';
import { SizedLayout } from '../../src/archive/sized-layout.js';
import type { TarSource } from '../../src/backuppc/source.js';
import { parseLimitSpec } from '../../src/bandwidth/limit.js';
import { createThrottle } from '../../src/bandwidth/limiter.js';
import type { Manifest } from '../../src/catalog/manifest.js';
import { Secret } from '../../src/config/secret.js';
import { Failure } from '../../src/errors.js';
import type { RunEvent } from '../../src/events.js';
import { journalPaths, loadJournal } from '../../src/journal/load.js';
import type { Sealer } from '../../src/sealing/ports.js';
import { createSealer } from '../../src/sealing/sealer.js';
import { openB2 } from '../../src/b2/open.js';
import type { Patience } from '../../src/b2/retry/retry.js';
import { startB2Server, type B2Server } from '../support/b2-server/server.js';
import { GpgHome } from '../support/gpg.js';
import { TurnClock } from '../support/turn-clock.js';

const KIB = 1024;
const MINUTE_MS = 60_000;
const TIMES = 150;
const BUCKET = 'soak-bucket';
const PASSPHRASE = 'soak';
const HOST = 'soak';
const TAR_BYTES = 6 * 1024 * KIB;
const SPLIT_SIZE = 512 * KIB;
const PART_BYTES = 64 * KIB;
const PART_BUFFERS = 8;
/** A full vault is waited for, then what it holds is sent to another one, and even so the long outage lasts longer. */
const IMPATIENT: Patience = { unreachableMs: 5 * MINUTE_MS, busyMs: 6 * MINUTE_MS };
/** No run may hold out longer in an outage. */
const MOST_MINUTES = 60;
/** Archives are begun for so long, and until the bad times are over. */
const SOAK_MINUTES = 62;
/** Growth from the middle of the soak to its end that is noise; buffers that leaked would be ten times that. */
const SLACK_BYTES = 6 * 1024 * KIB;

/** All the time. */
const EVERYDAY = [
  'upload_part=full-vault@50,250',
  'upload_part=503@/23',
  'upload_part=500@/61',
  'upload_part=408@/67',
  'upload_part=429:20@/97',
  'upload_part=reset-before@/71',
  'upload_part=reset-body@/43',
  'upload_part=reset-after@/73',
  'upload_part=lost@/41',
  'upload_part=stall-body@/79',
  'upload_part=stall-answer@/89',
  'upload_part=wrong-sha1@/101',
  'upload_part=delay:20000@/31',
  'get_upload_part_url=503:5@/19',
  'get_upload_part_url=429:30@/47',
  'start_large_file=500@/11',
  'finish_large_file=lost@/7',
  'finish_large_file=503@/9',
  'upload_file=lost@1',
  '*=401@/151',
];

/**
 * From minute, for minutes at least; the last says which end of a run it has to bring about. How much of a long outage each try takes depends on
 * what else the machine does, so it lasts until a run has given up.
 */
const BAD_TIMES: readonly (readonly [
  from: number,
  minutes: number,
  rule: string,
  endsRun?: Failure['kind'],
])[] = [
  [6, 3, '*=reset-before'],
  [14, 2, '*=429:60'],
  [20, 8, 'upload_part=capx1'],
  [32, 18, '*=503', 'unavailable'],
  [54, 2, '*=stall-answer'],
];

test('more than an hour of faults: the archive is right, memory stays, nothing is left running', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'soak-'));
  const gpg = new GpgHome();
  const clock = new TurnClock(TIMES, new Date(2026, 0, 5, 8, 30).getTime());
  const before = timers();
  const server = await startB2Server({
    buckets: [BUCKET],
    clock,
    seed: 4,
    faults: EVERYDAY,
    minPartBytes: 1000,
    lifetimes: { accountTokenMs: 13 * MINUTE_MS, uploadTokenMs: 7 * MINUTE_MS },
    // A slow part now and then: each connection alone is slower than the limit of all.
    bytesPerSecond: { perConnection: 9 * KIB },
    data: { directory: join(directory, 'b2') },
    keepPartBytes: false,
  });
  const over = new AbortController();
  const badTimesOver = new AbortController();
  const failures: string[] = [];
  const weather = badTimes(server, clock, failures, over.signal).then(() => {
    badTimesOver.abort();
  });
  const sealer = await createSealer({
    workers: 1,
    profile: 'librepgp',
    aead: 'ocb',
    partBytes: PART_BYTES,
    aeadChunkBytes: 16 * KIB,
    passwords: [PASSPHRASE],
    s2kOctets: 1024,
  });
  const memory = new MemoryLog();
  try {
    const manifests: Manifest[] = [];
    while (!badTimesOver.signal.aborted || clock.monotonic() < SOAK_MINUTES * MINUTE_MS) {
      assert.ok(failures.length < 12, failures.join('\n'));
      try {
        const number = manifests.length + 1;
        manifests.push(await archiveOnce({ number, directory, clock, server, sealer, memory }));
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        failures.push(`${error.kind}: ${error.message}`);
        await clock.sleep(5 * MINUTE_MS);
      }
    }
    over.abort();
    await weather;
    for (const kind of ['cap', 'unavailable'])
      assert.ok(
        failures.some((failure) => failure.startsWith(`${kind}: `)),
        failures.join('\n'),
      );
    assert.deepEqual(server.faults.unfired, [], 'every fault struck');

    assert.ok(manifests.length > 0, failures.join('\n'));
    const bucket = server.bucket(BUCKET);
    const names: string[] = [];
    for (const { number, volumes } of manifests) {
      const pieces = await gpg.decryptAll(
        volumes.map(({ name }) => bucket.read(name)),
        PASSPHRASE,
      );
      assert.ok(Buffer.concat(pieces).equals(Buffer.concat([...tarSlices()])), 'gpg gives back the tar');
      names.push(...volumes.map(({ name }) => name));
      for (const end of ['COMPLETE', 'MANIFEST.gpg']) names.push(`${HOST}.${number}.tar.${end}`);
    }
    // Of an archive that the hour cut short there may be more; of the others there is nothing else.
    const begun = `${HOST}.${manifests.length + 1}.`;
    assert.deepEqual(
      bucket
        .versions()
        .filter(({ fileName }) => !fileName.startsWith(begun))
        .map(({ fileName, action }) => `${action} ${fileName}`),
      names.sort().map((name) => `upload ${name}`),
    );
    assertNoNonceReuse(server);
    memory.assertConstant();
    assert.deepEqual(server.defects, []);
  } finally {
    over.abort();
    await weather;
    await sealer.close();
    await server.close();
    gpg.remove();
    rmSync(directory, { recursive: true, force: true });
  }
  assert.equal(clock.sleepers, 0, 'nobody sleeps any more');
  assert.ok(timers() <= before, 'no timer is left');
});

interface Night {
  readonly number: number;
  readonly directory: string;
  readonly clock: TurnClock;
  readonly server: B2Server;
  readonly sealer: Sealer;
  readonly memory: MemoryLog;
}

/** What the session does for one run, with parts as small as the soak needs them. */
async function archiveOnce({ number, directory, clock, server, sealer, memory }: Night): Promise<Manifest> {
  const name = { prefix: '', host: HOST, number, extension: '' };
  const emit = (event: RunEvent): void => {
    if (event.type === 'volume-finished') memory.sample();
  };
  const throttle = createThrottle(parseLimitSpec('08:00,14k 09:00,30k'), { clock, emit });
  const store = await openB2({
    endpoint: server.url,
    keyId: server.keyId,
    key: server.key,
    bucket: BUCKET,
    connections: 4,
    patience: IMPATIENT,
    throttle,
    clock,
    emit,
  }).catch((error: unknown) => {
    throttle.close();
    throw error;
  });
  try {
    const paths = journalPaths(directory, { host: HOST, number, bucket: BUCKET });
    const loaded = await loadJournal(paths, new Date(clock.now()));
    assert.notEqual(loaded.kind, 'set-aside');
    const earlier = loaded.kind === 'found' ? loaded.journal : undefined;
    const joined = await joinEarlierRun({
      paths,
      earlier,
      host: HOST,
      number,
      bucket: BUCKET,
      name,
      options: { 'part size': PART_BYTES },
      passphrases: [new Secret(PASSPHRASE)],
      recipients: [],
      startedAt: new Date(clock.now()),
      store,
      emit,
      again: false,
      admit: () => Promise.resolve({ kind: 'new', supersedes: [] }),
      digestKey: undefined,
    });
    assert.ok(joined.kind === 'run', 'no run ended between its manifest and its end');
    const { journal, fates } = joined;
    try {
      const facts = {
        program: 'soak',
        host: HOST,
        number,
        share: '*',
        extension: '',
        codec: { name: 'none', level: null },
        profile: 'librepgp',
        layout: 'sized',
        splitSize: SPLIT_SIZE,
        maker: 'soak',
        settings: '',
      } as const;
      const metas = objectMetas(facts, name, journal.state.archive.run);
      const tools = {
        store,
        sealer,
        journal,
        spool: undefined,
        sign: undefined,
        judge: {
          judge: () => Promise.reject(new Error('no archive is there to be judged')),
          remembers: () => Promise.resolve(false),
        },
        clock,
        emit,
        counters: newCounters(),
        stop: new AbortController().signal,
      };
      const result = await runArchive({
        tools,
        facts,
        name,
        metas,
        source: {
          open: () => Promise.resolve(source()),
          readableAgain: true,
          expected: undefined,
          allowPartial: false,
        },
        layout: (planned, signal) =>
          new SizedLayout(
            { ...tools, compress: (tar) => tar, signal },
            {
              splitSize: SPLIT_SIZE,
              partBuffers: PART_BUFFERS,
              fateOf: (volume) => planned.get(volume) ?? { kind: 'fresh' },
              metaOf: metas.volume,
            },
          ),
        fates,
        reuse: () => undefined,
        index: true,
        resumed: earlier !== undefined,
      });
      await journal.remove();
      assert.ok(result.manifest);
      return result.manifest;
    } finally {
      await journal.close();
    }
  } finally {
    throttle.close();
    await store.close();
    assert.equal(store.counters.connectionsBusy, 0);
  }
}

async function badTimes(
  server: B2Server,
  clock: TurnClock,
  failures: readonly string[],
  over: AbortSignal,
): Promise<void> {
  try {
    for (const [from, minutes, rule, endsRun] of BAD_TIMES) {
      // Each takes its time, however late the one before came to its end.
      await clock.sleep(Math.max(0, from * MINUTE_MS - clock.monotonic()), over);
      const began = clock.monotonic();
      const planted = server.faults.add(rule);
      await clock.sleep(minutes * MINUTE_MS, over);
      // On a machine that has much else to do everybody may have slept meanwhile.
      while (planted.fired === 0) await clock.sleep(MINUTE_MS / 4, over);
      const hasEndedRun = (): boolean =>
        endsRun === undefined || failures.some((failure) => failure.startsWith(`${endsRun}: `));
      while (!hasEndedRun() && clock.monotonic() - began < MOST_MINUTES * MINUTE_MS)
        await clock.sleep(MINUTE_MS / 4, over);
      server.faults.remove(rule);
    }
  } catch (error) {
    if (!over.aborted) throw error;
  }
}

/** The same incompressible tar at every reading. */
function* tarSlices(): Generator<Buffer> {
  const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), Buffer.alloc(16));
  const slice = Buffer.alloc(32 * KIB);
  for (let bytes = 0; bytes < TAR_BYTES; bytes += slice.length) yield stream.update(slice);
  yield Buffer.alloc(10 * KIB);
}

function source(): TarSource {
  let stopped = false;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const slice of tarSlices()) {
      if (stopped) return;
      yield await Promise.resolve(slice);
    }
  }
  return {
    bytes: bytes(),
    ended: () =>
      Promise.resolve({
        kind: 'tar-create',
        name: 'tarCreate',
        status: 0,
        signal: null,
        messages: [],
        done: { files: 9, bytes: TAR_BYTES, directories: 1, specials: 0, errors: 0 },
      }),
    stop: () => {
      stopped = true;
      return Promise.resolve();
    },
  };
}

/** A large file has its keys for itself: whatever was sent as one part of it, and how often, was the same bytes. */
function assertNoNonceReuse({ parts }: B2Server): void {
  const seen = new Map<string, string>();
  for (const { fileId, partNumber, contentLength, receivedBytes, sha1 } of parts) {
    if (receivedBytes < contentLength) continue;
    const content = `${contentLength} ${sha1}`;
    const key = `${fileId} ${partNumber}`;
    assert.equal(seen.get(key) ?? content, content, `part ${partNumber} of ${fileId}`);
    seen.set(key, content);
  }
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
}

/** What is still held after a collection, at each finished volume. */
class MemoryLog {
  readonly #bytes: number[] = [];
  readonly #collect: () => void;

  constructor() {
    setFlagsFromString('--expose-gc');
    this.#collect = runInNewContext('gc') as () => void;
  }

  sample(): void {
    this.#collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    this.#bytes.push(heapUsed + arrayBuffers);
  }

  assertConstant(): void {
    const half = this.#bytes.length >> 1;
    assert.ok(half >= 8, `${this.#bytes.length} samples`);
    const early = Math.max(...this.#bytes.slice(0, half));
    const late = Math.max(...this.#bytes.slice(half));
    assert.ok(late <= early + SLACK_BYTES, `${early} bytes at first, ${late} later`);
  }
}
