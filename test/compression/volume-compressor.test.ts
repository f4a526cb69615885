/** Volumes that a program of the user's compresses: one process each, none of them a fork of ours, and what goes wrong is said. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { ByteBudget } from '../../src/chunks/byte-budget.js';
import { codecOf, type CodecChoice } from '../../src/compression/codec-choice.js';
import { VolumeCompressor } from '../../src/compression/volume-compressor.js';

const WORKERS = 2;
const OFFSET = 100;
const directory = mkdtempSync(join(tmpdir(), 'volume-compressor-'));
after(() => {
  rmSync(directory, { recursive: true });
});

function script(name: string, body: string): string {
  const path = join(directory, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}

function external(compPath: string, compExt = '.x'): CodecChoice {
  const codec = codecOf({ compPath, compExt, override: undefined });
  assert.equal(codec.kind, 'external');
  return codec;
}

describe('volumes through an external program', () => {
  let stop: AbortController;
  const open: VolumeCompressor[] = [];
  beforeEach(() => {
    stop = new AbortController();
  });
  afterEach(() => {
    for (const compressor of open.splice(0)) compressor.close();
  });

  function compressorOf(codec: CodecChoice): VolumeCompressor {
    const unused = (): never => assert.fail('no worker compresses this');
    const compressor = new VolumeCompressor({
      codec,
      compressor: { workers: WORKERS, compress: unused, compressWhole: unused },
      memory: new ByteBudget(2 ** 24),
      effort: undefined,
      signal: stop.signal,
    });
    open.push(compressor);
    return compressor;
  }

  async function compressed(compressor: VolumeCompressor, data: Uint8Array): Promise<Buffer> {
    const buffer = new ArrayBuffer(OFFSET + data.length);
    new Uint8Array(buffer, OFFSET).set(data);
    return Buffer.from(await compressor.compress(buffer, OFFSET)).subarray(OFFSET);
  }

  it('each comes out whole, and this process forks once for each that runs side by side', async () => {
    const forks = join(directory, 'forks');
    // The shell forks one that runs the program and hears what it says.
    const body = `read -r _ _ _ shell _ </proc/$PPID/stat; echo "$shell $LEVEL" >>${forks}; exec gzip -$LEVEL`;
    process.env['LEVEL'] = '1';
    const compressor = compressorOf(external(`${script('mygzip', body)} some words * "of its own"`, '.gz'));
    const volumes = Array.from({ length: 9 }, (_, at) => Buffer.alloc(100_000 * at + 1, `volume ${at} `));
    const packed = await Promise.all(volumes.map((volume) => compressed(compressor, volume)));
    for (const [at, volume] of volumes.entries())
      assert.ok(execFileSync('gzip', ['-dc'], { input: packed[at], maxBuffer: 2 ** 24 }).equals(volume));
    const lines = readFileSync(forks, 'utf8').trim().split('\n');
    assert.equal(lines.length, volumes.length);
    assert.ok(
      lines.every((line) => line.endsWith(' 1')),
      'it has the environment of this process',
    );
    const shells = new Set(lines.map((line) => line.split(' ')[0]));
    assert.ok(shells.size <= WORKERS && !shells.has(String(process.pid)), [...shells].join(' '));
  });

  const bad: [what: string, body: string, compExt: string, reason: RegExp][] = [
    ['writes nothing', 'cat >/dev/null', '.x', /bad0 wrote nothing/],
    ['fails', 'cat; exit 3', '.x', /bad1 ended with status 3/],
    ['complains', 'cat; echo "no space" >&2', '.x', /bad2 wrote to standard error.*no space/],
    ['is killed', 'cat; kill -KILL $$', '.x', /bad3 .*SIGKILL/],
    ['leaves input', 'exec head -c 3', '.x', /bad4 ended before it had read everything/],
    ['writes another format', 'exec bzip2', '.gz', /does not write gzip \(\.gz\) but bzip2/],
  ];
  for (const [at, [what, body, compExt, reason]] of bad.entries())
    it(`one that ${what}: the archive fails, and says so`, async () => {
      const compressor = compressorOf(external(script(`bad${at}`, body), compExt));
      await assert.rejects(compressed(compressor, Buffer.alloc(300_000, 'x')), reason);
    });

  it('one that is not there', async () => {
    const compressor = compressorOf(external('/no/such/squeeze'));
    await assert.rejects(compressed(compressor, Buffer.alloc(10)), /squeeze: there is no such program/);
  });
});
