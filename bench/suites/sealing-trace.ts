/** What a process that seals for long keeps in memory. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSealer } from '../../src/sealing/sealer.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

/** Resident memory in MiB, now and at its highest, from Linux's own account. */
function resident(): { readonly now: number; readonly peak: number } {
  const status = readFileSync('/proc/self/status', 'utf8');
  const field = (name: string): number =>
    Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

/** Seals `gib` GiB in volumes of 1 GiB with two workers and 64 MiB of buffers; prints the memory after 64 MiB and from then on. */
export async function trace(gib: number): Promise<void> {
  const started = resident();
  const partBytes = 8 * MIB;
  const engine = await createSealer({
    workers: 2,
    profile: 'librepgp',
    aead: 'ocb',
    partBytes,
    passwords: ['bench'],
  });
  const { layout } = engine;
  const buffers = Array.from({ length: 8 }, () => new ArrayBuffer(layout.bufferBytes));
  for (const buffer of buffers) new Uint8Array(buffer).fill(7);
  const digestKey = new Uint8Array(randomBytes(32));
  const rows: Record<string, number>[] = [];
  const note = (sealed: number) => {
    const { now, peak } = resident();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    rows.push({
      'sealed MiB': Math.round(sealed / MIB),
      'RSS MiB': now,
      'peak RSS MiB': peak,
      'heap MiB': Math.round(heapUsed / MIB),
      'ArrayBuffers MiB': Math.round(arrayBuffers / MIB),
    });
  };
  console.log(
    `resident before: ${started.now} MiB; buffers: ${buffers.length} × ${layout.bufferBytes} bytes`,
  );

  const marks = [64 * MIB, 512 * MIB, ...Array.from({ length: gib }, (_, i) => (i + 1) * GIB)];
  let sealed = 0;
  for (let volume = 0; sealed < gib * GIB; volume++) {
    const secrets = await engine.newVolume();
    const parts = GIB / partBytes;
    let part = 0;
    const keepSealing = async (): Promise<void> => {
      while (part < parts) {
        const index = part++;
        const buffer = buffers.pop();
        if (buffer === undefined) throw new Error('a buffer is missing');
        const dataBytes = layout.dataBytes(index);
        const last = index === parts - 1;
        const done = await engine.seal({ secrets, volume, part: index, last, buffer, dataBytes, digestKey });
        buffers.push(done.buffer);
        sealed += partBytes;
        if (sealed >= (marks[0] ?? Infinity)) {
          marks.shift();
          note(sealed);
        }
      }
    };
    await Promise.all(buffers.map(keepSealing));
  }
  await engine.close();
  console.table(rows);
}
