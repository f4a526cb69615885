import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileToWrite, settingsOf, writeSettings } from '../../../src/cli/bench/bench-write.js';
import { recordedOutput } from '../context.js';

const directory = mkdtempSync(join(tmpdir(), 'bench-write-'));
after(() => {
  rmSync(directory, { recursive: true });
});

const THEIRS = 'workers = 1 # slow disk\n';
const values = { workers: 2, memory: '88M' } as const;

test('on a terminal a person decides about what was set by hand', async () => {
  for (const [answer, workers, memory] of [
    ['y', '^workers = 2$', '^memory = "88M"$'],
    ['n', '^workers = 1 # slow disk$', '^memory = "88M"$'],
    ['', '^workers = 1 # slow disk$', '^memory = "88M"$'],
  ] as const) {
    const file = join(directory, `answer-${answer}.toml`);
    writeFileSync(file, THEIRS);
    const out = {
      ...recordedOutput(),
      interactive: true,
      answers: [answer],
      ask: () => Promise.resolve(answer),
    };
    await writeSettings(out, { file, values, title: 'today', force: false });
    const text = readFileSync(file, 'utf8');
    assert.match(text, new RegExp(workers, 'm'), answer);
    assert.match(text, new RegExp(memory, 'm'), answer);
    assert.match(text, /slow disk/);
  }
  const file = join(directory, 'quit.toml');
  writeFileSync(file, THEIRS);
  const out = { ...recordedOutput(), interactive: true, ask: () => Promise.resolve('q') };
  await assert.rejects(writeSettings(out, { file, values, title: '', force: false }), {
    kind: 'interrupted',
  });
  assert.equal(readFileSync(file, 'utf8'), THEIRS);
});

test('which file, which settings', () => {
  assert.equal(fileToWrite('x.toml', '/etc/read.toml'), 'x.toml');
  assert.equal(fileToWrite(true, '/etc/read.toml'), '/etc/read.toml');
  const MIB = 2 ** 20;
  const limit = { stage: 'cpu', rate: 1, headroom: undefined } as const;
  const way = { codec: 'zstd:3', workers: 4, cpu: 1, share: 1, bufferBytes: 0, limit };
  const choice = {
    way,
    choseCodec: false,
    connections: undefined,
    partBytes: undefined,
    memoryBytes: 120 * MIB,
  };
  assert.deepEqual(settingsOf(choice), { workers: 4, memory: '120M' });
  assert.deepEqual(settingsOf({ ...choice, choseCodec: true, connections: 8, partBytes: 5 * MIB }), {
    workers: 4,
    memory: '120M',
    compress: 'zstd:3',
    connections: 8,
    part_size: '5M',
  });
});
