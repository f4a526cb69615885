import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { RunEvent } from '../../src/events.js';
import { Spool, SpoolRoom, type SpooledPart } from '../../src/journal/spool.js';
import { mountSmallDisk } from '../support/small-disk.js';
import { skipped } from '../support/debian.js';

const scratch = mkdtempSync(join(tmpdir(), 'bb2-spool-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

function partOf(part: number, sealed: Buffer): SpooledPart {
  return { volume: 0, part, bytes: sealed.length, sha1: createHash('sha1').update(sealed).digest('hex') };
}

async function opened(
  directory = mkdtempSync(join(scratch, 'd-')),
  maxBytes = 10_000,
): Promise<{ spool: Spool; own: string; events: RunEvent[] }> {
  const events: RunEvent[] = [];
  const spool = await Spool.open({
    directory,
    maxBytes,
    archive: 'h.1.b',
    emit: (event) => events.push(event),
  });
  return { spool, own: join(directory, 'h.1.b.spool'), events };
}

test('a part comes back as it was put in, whatever becomes of its buffer; nothing stays behind', async () => {
  const { spool, own } = await opened();
  const sealed = randomBytes(3000);
  const copy = Buffer.from(sealed);
  const part = partOf(7, sealed);
  assert.equal(await spool.put(part, sealed), 'stored');
  sealed.fill(0);
  assert.equal(statSync(own).mode & 0o777, 0o700);
  assert.deepEqual(Buffer.from(await spool.read(part, new Uint8Array(5000))), copy);
  assert.deepEqual([spool.has(part), spool.usedBytes], [true, 3000]);
  await spool.drop(part);
  await spool.drop(part);
  assert.deepEqual([spool.has(part), spool.usedBytes, readdirSync(own)], [false, 0, []]);
  await spool.put(part, copy);
  await spool.close();
  assert.equal(existsSync(own), false);
});

test('never holds more than it may', async () => {
  const { spool, own } = await opened(undefined, 5000);
  const sealed = randomBytes(2000);
  const results = await Promise.all([0, 1, 2, 3].map((part) => spool.put(partOf(part, sealed), sealed)));
  assert.deepEqual(results, ['stored', 'stored', 'full', 'full']);
  assert.deepEqual(readdirSync(own).sort(), ['0.0.part', '0.1.part']);
  await spool.dropVolume(0);
  assert.equal(await spool.put(partOf(2, sealed), sealed), 'stored');
  await spool.close();
});

test('space is returned in any order and never overdrawn', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ bytes: fc.nat(400), drop: fc.boolean() }), { maxLength: 50 }),
      (steps) => {
        const room = new SpoolRoom(1000);
        const held: number[] = [];
        for (const { bytes, drop } of steps) {
          const taken = room.take(bytes);
          if (taken) held.push(bytes);
          const sum = held.reduce((a, b) => a + b, 0);
          assert.equal(room.usedBytes, sum);
          assert.ok(sum <= 1000 && (taken || sum + bytes > 1000));
          if (drop && held.length > 0) room.give(held.shift() ?? 0);
        }
      },
    ),
  );
  assert.throws(() => {
    new SpoolRoom(10).give(1);
  }, RangeError);
});

test('a full disk: the part waits in memory, the operator is told once, nothing half-written remains', async (t) => {
  const mount = mkdtempSync(join(scratch, 'small-'));
  const unmount = mountSmallDisk(mount, '64k');
  if (unmount === undefined) {
    t.skip(skipped('mounting a small file system needs root'));
    return;
  }
  try {
    const { spool, own, events } = await opened(mount, 1_000_000);
    const sealed = randomBytes(40_000);
    assert.equal(await spool.put(partOf(0, sealed), sealed), 'stored');
    assert.equal(await spool.put(partOf(1, sealed), sealed), 'full');
    assert.equal(await spool.put(partOf(2, sealed), sealed), 'full');
    assert.deepEqual([readdirSync(own), spool.usedBytes], [['0.0.part'], 40_000]);
    assert.deepEqual(
      events.map((event) => event.type === 'warning' && /ENOSPC.*wait in memory/.test(event.message)),
      [true],
    );
    await spool.drop(partOf(0, sealed));
    assert.equal(await spool.put(partOf(1, sealed), sealed), 'stored');
    await spool.close();
  } finally {
    unmount();
  }
});

test('what the disk has corrupted is not sent', async () => {
  const { spool, own } = await opened();
  const sealed = randomBytes(100);
  const part = partOf(0, sealed);
  await spool.put(part, sealed);
  const path = join(own, '0.0.part');
  const bytes = readFileSync(path);
  bytes[50] = (bytes[50] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  await assert.rejects(spool.read(part, new Uint8Array(100)), /did not come back as it was written/);
  writeFileSync(path, bytes.subarray(0, 10));
  await assert.rejects(spool.read(part, new Uint8Array(100)), /did not come back as it was written/);
  rmSync(path);
  await assert.rejects(spool.read(part, new Uint8Array(100)), /ENOENT/);
  await spool.close();
});

test('leftovers of a dead run are removed; a link in their place is refused', async () => {
  const first = await opened();
  const sealed = randomBytes(10);
  await first.spool.put(partOf(0, sealed), sealed);
  const { spool, own } = await opened(join(first.own, '..'));
  assert.deepEqual([readdirSync(own), spool.usedBytes], [[], 0]);
  const directory = mkdtempSync(join(scratch, 'd-'));
  symlinkSync('/tmp', join(directory, 'h.1.b.spool'));
  await assert.rejects(opened(directory), /is not a directory of the user/);
});
