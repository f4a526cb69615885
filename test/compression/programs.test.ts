/** Compressors that are missing, die, complain or lie, as chunk compressors and as one pipe. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, describe } from 'node:test';
import { type CodecChoice, codecOf } from '../../src/compression/codec-choice.js';
import { CODECS } from '../../src/compression/codecs.js';
import { compressStream } from '../../src/compression/compress-stream.js';
import { ProgramCompressor } from '../../src/compression/program-compressor.js';
import { ProgramShells } from '../../src/compression/program-shell.js';
import { Failure } from '../../src/errors.js';
import { choice, compressed, gather, inProcess, lent, output } from './streams.js';

const directory = mkdtempSync(join(tmpdir(), 'test-programs-'));
after(() => {
  rmSync(directory, { recursive: true });
});

/** A program of this name alone on PATH, but for those of the system behind it. */
function script(name: string, body: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

const data = Buffer.alloc(3_000_000, 'all work and no play makes Jack a dull boy\n');

const BAD: readonly (readonly [what: string, body: string, reason: RegExp])[] = [
  ['exits non-zero', 'cat >/dev/null; echo no space left >&2; exit 3', /ended with status 3: no space left/],
  ['exits non-zero at once', 'exit 4', /ended with status 4/],
  ['is killed', 'cat | head -c 10; kill -KILL $$', /was killed by SIGKILL/],
  [
    'complains and exits 0',
    'cat; echo "warning: cosmic ray" >&2',
    /wrote to standard error: warning: cosmic ray/,
  ],
  ['reads a bit and exits 0', 'head -c 5', /ended before it had read everything/],
  ['writes nothing', 'cat >/dev/null', /wrote nothing/],
];

describe('one process per chunk', () => {
  const PATH = `${directory}:/usr/bin:/bin`;
  const { method } = CODECS.bzip2;
  assert.ok(method.kind === 'program');
  const run = async (path: string, signal = new AbortController().signal): Promise<void> => {
    const shells = new ProgramShells({ PATH: path }, signal);
    try {
      await new ProgramCompressor(method, shells).compress({
        codec: 'bzip2',
        level: 9,
        input: new Uint8Array(data).buffer,
        dictionaryBytes: 0,
        inputBytes: data.length,
        output: new ArrayBuffer(data.length + 1000),
      });
    } finally {
      shells.close();
    }
  };

  for (const [what, body, reason] of BAD) {
    test(`a program that ${what}`, async () => {
      script('bzip2', body);
      await assert.rejects(
        run(PATH),
        (error) => error instanceof Failure && error.kind === 'local' && reason.test(error.message),
      );
    });
  }

  test('a program that writes without end', async () => {
    script('bzip2', 'cat /dev/zero');
    await assert.rejects(run(PATH), /bzip2 wrote more than its format can need/);
  });

  test('a program that is not there', async () => {
    await assert.rejects(
      run(join(directory, 'nothing')),
      (error) =>
        error instanceof Failure &&
        /cannot run the compressor bzip2: there is no such program/.test(error.message) &&
        /install bzip2/.test(error.hint ?? ''),
    );
  });

  test('a program that hangs is killed by the signal', async () => {
    script('bzip2', 'exec sleep 1000');
    const stop = new AbortController();
    const result = run(PATH, stop.signal);
    setImmediate(() => {
      stop.abort(new Error('enough'));
    });
    await assert.rejects(result, /enough/);
  });

  test('settings in the environment change nothing', async () => {
    process.env['BZIP2'] = '-v';
    try {
      assert.ok((await compressed(data, choice('bzip2:9'))).length > 0);
    } finally {
      delete process.env['BZIP2'];
    }
  });
});

describe('one stream through an external program', () => {
  const external = (words: string): CodecChoice =>
    codecOf({ compPath: words, compExt: '.x', override: undefined });

  for (const [what, body, reason] of BAD) {
    test(`a program that ${what}`, async () => {
      const path = script('other', body);
      await assert.rejects(
        compressed(data, external(path)),
        (error) => error instanceof Failure && reason.test(error.message),
      );
    });
  }

  test('a program whose output does not match its extension is refused', async () => {
    const wrapper = (body: string, compExt: string): CodecChoice =>
      codecOf({ compPath: script('wrapper', body), compExt, override: undefined });
    const good = await compressed(data, wrapper('exec gzip -1', '.gz'));
    assert.ok(output('gzip', ['-dc'], good).equals(data));
    for (const [body, wrong] of [
      ['exec bzip2', /does not write gzip \(\.gz\) but bzip2/],
      ['exec cat', /does not write gzip \(\.gz\) but an unknown format/],
    ] as const)
      await assert.rejects(compressed(data, wrapper(body, '.gz')), { kind: 'usage', message: wrong });
  });

  test('a program that is not there', async () => {
    await assert.rejects(
      compressed(data, external('/no/such/squeeze')),
      /cannot run the compressor .*squeeze: there is no such program/,
    );
  });

  test('its output for the whole stream, while the source lends its slices', async () => {
    const stream = await compressed(data, external('/usr/bin/xz -0 --check=sha256'), { sliceBytes: 70_001 });
    assert.ok(output('xz', ['-dc'], stream).equals(data));
    assert.ok((await compressed(data, external('/usr/bin/tee'))).equals(data));
    assert.equal((await compressed(new Uint8Array(), external('/usr/bin/tee'))).length, 0);
  });

  test('a source that fails, and a signal, kill it', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* lent(data, 65_536);
      throw new Error('the tar broke off');
    }
    const stop = new AbortController();
    const run = (source: AsyncIterable<Uint8Array>) =>
      gather(
        compressStream(source, external('/usr/bin/tee'), {
          compressor: inProcess,
          window: 0,
          signal: stop.signal,
        }),
      );
    await assert.rejects(run(broken()), /the tar broke off/);
    const path = script('hang', 'exec sleep 1000');
    const hanging = gather(
      compressStream(lent(data, 65_536), external(path), {
        compressor: inProcess,
        window: 0,
        signal: stop.signal,
      }),
    );
    setImmediate(() => {
      stop.abort(new Error('enough'));
    });
    await assert.rejects(hanging, /enough/);
  });

  test('a consumer that leaves ends program and source', async () => {
    const closed = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield* lent(data, 65_536);
      } finally {
        closed.abort();
      }
    }
    const { signal } = new AbortController();
    const stream = compressStream(endless(), external('/usr/bin/tee'), {
      compressor: inProcess,
      window: 0,
      signal,
    });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.return?.();
    if (!closed.signal.aborted) await once(closed.signal, 'abort');
  });
});
