/** A shell that runs a program many times: each run has its own bytes, and nothing of them is ever taken for a command. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { ProgramShells } from '../../src/compression/program-shell.js';

const directory = mkdtempSync(join(tmpdir(), 'program-shell-'));
after(() => {
  rmSync(directory, { recursive: true });
});
const env = { PATH: '/usr/bin:/bin' };

async function ran(
  shells: ProgramShells,
  command: readonly [string, ...string[]],
  input: Uint8Array,
): Promise<Buffer> {
  const slices: Buffer[] = [];
  await shells.run(command, input, (slice) => slices.push(Buffer.from(slice)));
  return Buffer.concat(slices);
}

describe('a program that runs many times', () => {
  it('gets the bytes of each run, of any length and content, and all that it writes comes back', async () => {
    const shells = new ProgramShells(env, new AbortController().signal);
    try {
      for (const length of [0, 1, 31, 32, 33, 4096, 65_536, 65_537, 3_000_000]) {
        const input = Buffer.alloc(length, 'mark 5 touch x\n\0');
        assert.ok((await ran(shells, ['cat'], input)).equals(input), `${length} bytes`);
      }
      const several = Array.from({ length: 5 }, (_, n) => Buffer.alloc(200_000, `${n}`));
      const outputs = await Promise.all(several.map((input) => ran(shells, ['cat'], input)));
      assert.ok(outputs.every((output, n) => output.equals(several[n] ?? output)));
    } finally {
      shells.close();
    }
  });

  it('what a program leaves unread is not run as a command', async () => {
    const shells = new ProgramShells(env, new AbortController().signal);
    const trap = join(directory, 'trap');
    const input = Buffer.alloc(1_000_000, `\nx 0 touch ${trap}\n`);
    await assert.rejects(ran(shells, ['head', '-c', '10'], input), /ended before it had read everything/);
    // Another shell serves the next run.
    assert.equal((await ran(shells, ['wc', '-c'], Buffer.alloc(7))).toString().trim(), '7');
    shells.close();
    assert.ok(!existsSync(trap));
  });

  it('a signal kills the shell and what it runs', async () => {
    const stop = new AbortController();
    const shells = new ProgramShells(env, stop.signal);
    const hangs = join(directory, 'hangs');
    writeFileSync(hangs, '#!/bin/sh\necho $$ >"$0.part"\nmv "$0.part" "$0.pid"\nexec sleep 1000\n', {
      mode: 0o755,
    });
    const result = shells.run([hangs], Buffer.alloc(10), () => undefined);
    while (!existsSync(`${hangs}.pid`)) await delay(5);
    const pid = Number(readFileSync(`${hangs}.pid`, 'utf8'));
    stop.abort(new Error('enough'));
    await assert.rejects(result, /enough/);
    while (lives(pid)) await delay(5);
  });
});

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
