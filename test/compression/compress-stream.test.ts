/** The stage itself: the same bytes whatever the timing, a bounded window, an end for everything that goes wrong. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { ChunkCompressor, CompressedChunk, CompressRequest } from '../../src/compression/chunk.js';
import { compressChunk } from '../../src/compression/compress-chunk.js';
import { compressStream } from '../../src/compression/compress-stream.js';
import { choice, chunkBytesOf, compressed, decompressed, gather, inProcess, lent } from './streams.js';

const GZIP = choice('gzip');
const CHUNK = chunkBytesOf(GZIP);
const data = Buffer.from(
  Uint32Array.from({ length: (6 * CHUNK + 12_344) / 4 }, (_, i) => (i * 40_503) >>> 3).buffer,
);

/** Compresses when it is told to, in any order; notes how much is in its hands at once. */
class HeldCompressor implements ChunkCompressor {
  readonly held: {
    request: CompressRequest;
    resolve: (chunk: CompressedChunk) => void;
    reject: (reason: Error) => void;
  }[] = [];
  most = 0;

  compress(request: CompressRequest): Promise<CompressedChunk> {
    return new Promise((resolve, reject) => {
      this.held.push({ request, resolve, reject });
      this.most = Math.max(this.most, this.held.length);
    });
  }

  /** @param index Which of those it holds. */
  async finish(index: number): Promise<void> {
    const [one] = this.held.splice(index, 1);
    if (one !== undefined) one.resolve(await inProcess.compress(one.request));
  }
}

test('the same bytes whatever the slices, the window and the order in which chunks get done', async () => {
  const expected = await compressed(data, GZIP);
  assert.ok(decompressed(expected, GZIP).equals(data));
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1000, max: 2 * CHUNK }),
      fc.integer({ min: 2, max: 6 }),
      fc.infiniteStream(fc.nat(100)),
      async (sliceBytes, window, order) => {
        const compressor = new HeldCompressor();
        const state = { over: false };
        const result = compressed(data, GZIP, { compressor, window, sliceBytes }).finally(
          () => (state.over = true),
        );
        while (!state.over) {
          await turn();
          if (compressor.held.length > 0)
            await compressor.finish((order.next().value ?? 0) % compressor.held.length);
        }
        assert.ok((await result).equals(expected));
        assert.ok(compressor.most <= window - 1);
      },
    ),
    { numRuns: 15 },
  );
});

test('a consumer that does not pull stops the reading when the window is full', async () => {
  let read = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const slice of lent(data, 65_536)) {
      read += slice.length;
      yield slice;
    }
  }
  const { signal } = new AbortController();
  const stream = compressStream(counted(), GZIP, { compressor: inProcess, window: 3, signal });
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.next();
  for (let i = 0; i < 20; i++) await turn();
  assert.ok(read <= 3 * CHUNK, `${read / CHUNK} chunks were read`);
  await iterator.return?.();
});

test('codec none is the source itself', () => {
  const source = lent(data, 1000);
  const { signal } = new AbortController();
  assert.equal(compressStream(source, choice('none'), { compressor: inProcess, window: 0, signal }), source);
});

test('buffers are reused: no more pairs than the window are ever allocated', async () => {
  const seen = new Set<object>();
  const compressor: ChunkCompressor = {
    compress(request) {
      seen.add(request.input);
      const { input, output } = request;
      return Promise.resolve({ ...compressChunk(request), input, output });
    },
  };
  const stream = await compressed(data, GZIP, { compressor, window: 3 });
  assert.ok(decompressed(stream, GZIP).equals(data));
  assert.ok(seen.size <= 3, `${seen.size} pairs`);
});

/** A source that notes whether it was returned. */
function returnable(failing?: Error): { source: AsyncIterable<Uint8Array>; returned: () => boolean } {
  let returned = false;
  async function* slices(): AsyncGenerator<Uint8Array> {
    try {
      yield* lent(data, 65_536);
      if (failing !== undefined) throw failing;
      for (;;) yield* lent(data, 65_536);
    } finally {
      returned = true;
    }
  }
  return { source: slices(), returned: () => returned };
}

test('a compressor that fails ends the stream with its reason and returns the source', async () => {
  const { source, returned } = returnable();
  let calls = 0;
  const compressor: ChunkCompressor = {
    compress: (request) =>
      ++calls === 3 ? Promise.reject(new Error('a worker died')) : inProcess.compress(request),
  };
  const { signal } = new AbortController();
  await assert.rejects(
    gather(compressStream(source, GZIP, { compressor, window: 4, signal })),
    /a worker died/,
  );
  assert.ok(returned());
});

test('a source that fails ends the stream with its reason, once what is in flight has settled', async () => {
  for (const name of ['gzip', 'lz4']) {
    const { source } = returnable(new Error('the tar broke off'));
    const { signal } = new AbortController();
    const stream = compressStream(source, choice(name), { compressor: inProcess, window: 3, signal });
    await assert.rejects(gather(stream), /the tar broke off/);
  }
});

test('the signal ends the stream with its reason and returns the source', async () => {
  for (const name of ['gzip', 'xz:6']) {
    const { source, returned } = returnable();
    const stop = new AbortController();
    const stream = compressStream(source, choice(name), {
      compressor: inProcess,
      window: 3,
      signal: stop.signal,
    });
    const gathered = gather(stream);
    setImmediate(() => {
      stop.abort(new Error('stopped by a test'));
    });
    await assert.rejects(gathered, /stopped by a test/);
    assert.ok(returned());
  }
});
