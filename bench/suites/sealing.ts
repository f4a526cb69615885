/**
 * The sealing engine beside what bounds it and what else there is.
 *
 *     npm run bench -- sealing                 the tables
 *     npm run bench -- sealing --trace         memory while 8 GiB are sealed (--gib N for another amount)
 *     npm run bench -- sealing --time 2000     ms per row, default 500; --quick: 100
 *     npm run bench -- sealing --save          kept in bench/results
 *
 * MB/s are 10^6 bytes of data per second, from the median of the runs.
 */
import { spawnSync } from 'node:child_process';
import { createCipheriv, createHash, type Hash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as openpgp from 'openpgp';
import { Bench } from 'tinybench';
import { discard } from '../../src/discard.js';
import { volumeLayout } from '../../src/openpgp/layout.js';
import { type OpenPgpProfile, PROFILE, PROFILES } from '../../src/openpgp/profile.js';
import { createSealer } from '../../src/sealing/sealer.js';
import { ChainSealer } from '../../src/sealing/seal-chain.js';
import { type PartToSeal, sealAeadPart } from '../../src/sealing/seal-part.js';
import { publish, type Row, type Table } from '../report.js';
import { trace } from './sealing-trace.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const key = new Uint8Array(randomBytes(32));

export async function run(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      trace: { type: 'boolean' },
      gib: { type: 'string' },
      time: { type: 'string' },
      quick: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  });
  if (values.trace === true) {
    await trace(Number(values.gib ?? 8));
    return;
  }
  const time = Number(values.time ?? (values.quick ? 100 : 500));
  const ceilings = await rawCeilings(time);
  await oneThread(time, ceilings);
  await pool(time);
  await peers(time);
  publish(
    { topic: 'sealing', command: `npm run bench -- sealing ${args.join(' ')}`.trim(), tables },
    values.save,
  );
}

const tables: Table[] = [];

interface Speed {
  readonly name: string;
  readonly bytes: number;
  readonly run: () => unknown;
}

/** Rows take turns inside tinybench one after the other; @returns MB/s by row name. */
async function measure(title: string, time: number, rows: readonly Speed[]): Promise<Map<string, number>> {
  const bench = new Bench({ name: title, time, warmupTime: time / 5, iterations: 3, warmupIterations: 1 });
  for (const { name, run: body } of rows)
    bench.add(name, async () => {
      await body();
    });
  await bench.run();
  const speeds = new Map<string, number>();
  for (const { name, bytes } of rows) {
    const result = bench.getTask(name)?.result;
    if (result === undefined || !('latency' in result)) throw new Error(`${name}: ${JSON.stringify(result)}`);
    speeds.set(name, bytes / 1e3 / result.latency.p50);
  }
  return speeds;
}

function table(title: string, rows: readonly Row[]): void {
  tables.push({ title, rows });
}

const PART = 16 * MIB;
const source = new Uint8Array(PART).fill(7);
const target = new Uint8Array(PART);

/** The operations alone, on slices, the result copied to a buffer that is used again: what no sealing can beat. */
function rawOcb(sliceBytes: number, hash: boolean): () => void {
  return () => {
    const cipher = createCipheriv('aes-256-ocb', key, key.subarray(0, 15), { authTagLength: 16 });
    raw(cipher, sliceBytes, hash ? createHash('sha1') : undefined, undefined);
  };
}

function rawCfb(sliceBytes: number, hash: boolean): () => void {
  return () => {
    const cipher = createCipheriv('aes-256-cfb', key, key.subarray(0, 16));
    raw(cipher, sliceBytes, hash ? createHash('sha1') : undefined, createHash('sha1'));
  };
}

function raw(
  cipher: { update(data: Uint8Array): Uint8Array<ArrayBuffer> },
  sliceBytes: number,
  sha1: Hash | undefined,
  detection: Hash | undefined,
): void {
  for (let from = 0; from < PART; from += sliceBytes) {
    const slice = source.subarray(from, from + sliceBytes);
    detection?.update(slice);
    const sealed = cipher.update(slice);
    target.set(sealed, from);
    sha1?.update(sealed);
    discard(sealed);
  }
}

async function rawCeilings(time: number): Promise<ReadonlyMap<string, number>> {
  const slices = [16, 64, 128, 256, 1024, 16384];
  const row = (name: string, body: () => void): Speed => ({ name, bytes: PART, run: body });
  const speeds = await measure(
    'raw',
    time / 2,
    slices.flatMap((kib) => [
      row(`ocb ${kib}`, rawOcb(kib * KIB, false)),
      row(`ocb+sha1 ${kib}`, rawOcb(kib * KIB, true)),
      row(`cfb+mdc ${kib}`, rawCfb(kib * KIB, false)),
      row(`cfb+mdc+sha1 ${kib}`, rawCfb(kib * KIB, true)),
    ]),
  );
  const kinds = ['ocb', 'ocb+sha1', 'cfb+mdc', 'cfb+mdc+sha1'];
  table(
    'node:crypto alone, one thread, MB/s by length of the slices',
    slices.map((kib) => ({
      'slice KiB': kib,
      ...Object.fromEntries(kinds.map((kind) => [kind, Math.round(speeds.get(`${kind} ${kib}`) ?? 0)])),
    })),
  );
  return new Map(
    kinds.map((kind) => [kind, Math.max(...slices.map((kib) => speeds.get(`${kind} ${kib}`) ?? 0))]),
  );
}

/** The task of one worker, without the pool. */
function sealer(
  profile: OpenPgpProfile,
  aead: 'ocb' | 'gcm',
  options: Partial<PartToSeal>,
  aeadChunkBytes = MIB,
): Speed['run'] {
  const shape = { profile, aead, partBytes: PART, aeadChunkBytes, keyPacketReserve: 1000 };
  const layout = volumeLayout(shape);
  const salt = new Uint8Array(PROFILE[profile].saltBytes);
  const secrets = { profile, aead, sessionKey: key, salt, keyPackets: new Uint8Array(100) };
  const buffer = new ArrayBuffer(layout.bufferBytes);
  const chain = new ChainSealer();
  let part = 0;
  return () => {
    const dataBytes = layout.dataBytes(part);
    const request = {
      shape,
      secrets,
      part: part++,
      last: false,
      buffer,
      dataBytes,
      digestKey: key,
      hash: true,
      ...options,
    };
    return profile === 'rfc4880' ? chain.seal(0, request) : sealAeadPart(request);
  };
}

async function oneThread(time: number, ceilings: ReadonlyMap<string, number>): Promise<void> {
  const plain = { digestKey: undefined };
  const rows: (Speed & { ceiling: string })[] = [];
  for (const [profile, aead, ceiling] of [
    ['librepgp', 'ocb', 'ocb'],
    ['rfc9580', 'ocb', 'ocb'],
    ['rfc9580', 'gcm', ''],
    ['rfc4880', 'ocb', 'cfb+mdc'],
  ] as const) {
    const name = profile === 'rfc9580' ? `${profile} ${aead}` : profile;
    const against = (hash: boolean) => (ceiling === '' ? '' : `${ceiling}${hash ? '+sha1' : ''}`);
    const add = (label: string, run: Speed['run'], hash: boolean) =>
      rows.push({ name: `${name}${label}`, bytes: PART, run, ceiling: against(hash) });
    add('', sealer(profile, aead, plain), true);
    add(', and the data digest', sealer(profile, aead, {}), true);
    add(', without SHA-1', sealer(profile, aead, { ...plain, hash: false }), false);
    if (profile === 'librepgp') add(', aeadChunk 4 MiB', sealer(profile, aead, plain, 4 * MIB), true);
  }
  const speeds = await measure('one thread', time, rows);
  table(
    'Sealing a part of 16 MiB with its SHA-1, one thread',
    rows.map(({ name, ceiling }) => {
      const speed = speeds.get(name) ?? 0;
      const bound = ceilings.get(ceiling);
      return {
        profile: name,
        'MB/s': Math.round(speed),
        ceiling: ceiling === '' ? '-' : ceiling,
        'of ceiling': bound === undefined ? '-' : `${Math.round((100 * speed) / bound)} %`,
      };
    }),
  );
}

interface PoolSpeed {
  /** MB/s */
  readonly speed: number;
  /** CPUs that this process had, on average: fewer than workers means that others were using them. */
  readonly cpusUsed: number;
}

async function pool(time: number): Promise<void> {
  const rows: Record<string, string | number>[] = [];
  for (const profile of PROFILES) {
    for (const partMib of [5, 8, 16]) {
      const row: Record<string, string | number> = { profile, 'part MiB': partMib };
      let one = 0;
      for (let workers = 1; workers <= Math.max(2, availableParallelism()); workers *= 2) {
        const { speed, cpusUsed } = await poolSpeed(time, profile, workers, partMib * MIB);
        one ||= speed;
        row[`${workers} worker(s)`] = Math.round(speed);
        row[`${workers}: times one`] = (speed / one).toFixed(2);
        row[`${workers}: CPUs had`] = cpusUsed.toFixed(2);
      }
      rows.push(row);
    }
  }
  table('Through the pool, buffers moved there and back, SHA-1 and data digest included, MB/s', rows);
}

async function poolSpeed(
  time: number,
  profile: OpenPgpProfile,
  workers: number,
  partBytes: number,
): Promise<PoolSpeed> {
  const engine = await createSealer({
    workers,
    profile,
    aead: 'ocb',
    partBytes,
    passwords: ['bench'],
    s2kOctets: 1024,
  });
  const { layout } = engine;
  const secrets = await engine.newVolume();
  const inFlight = 2 * workers;
  const buffers = Array.from({ length: inFlight }, () => new ArrayBuffer(layout.bufferBytes));
  const perBuffer = Math.max(1, Math.round((128 * MIB) / partBytes));
  let part = 0;
  const keepSealing = async (): Promise<void> => {
    for (let i = 0; i < perBuffer; i++) {
      const buffer = buffers.pop();
      if (buffer === undefined) throw new Error('a buffer is missing');
      const index = part++;
      const request = {
        secrets,
        volume: 0,
        part: index,
        last: false,
        buffer,
        dataBytes: layout.dataBytes(index),
        digestKey: key,
      };
      buffers.push((await engine.seal(request)).buffer);
    }
  };
  const bytes = inFlight * perBuffer * layout.dataBytes(1);
  const all = () => Promise.all(Array.from({ length: inFlight }, keepSealing));
  const started = { cpu: process.cpuUsage(), at: performance.now() };
  const speeds = await measure('pool', time, [{ name: 'seal', bytes, run: all }]);
  const { user, system } = process.cpuUsage(started.cpu);
  const cpusUsed = (user + system) / 1000 / (performance.now() - started.at);
  await engine.close();
  return { speed: speeds.get('seal') ?? 0, cpusUsed };
}

async function peers(time: number): Promise<void> {
  const bytes = 16 * MIB;
  const binary = new Uint8Array(randomBytes(bytes));
  const directory = mkdtempSync(join(tmpdir(), 'bench-sealing-'));
  const file = join(directory, 'data');
  writeFileSync(file, Buffer.concat(Array.from({ length: 8 }, () => binary)));
  const javascript = (name: string, config: openpgp.PartialConfig): Speed => ({
    name,
    bytes,
    run: async () => {
      const message = await openpgp.createMessage({ binary });
      await openpgp.encrypt({
        message,
        passwords: 'bench',
        format: 'binary',
        config: { ...config, s2kIterationCountByte: 0 },
      });
    },
  });
  const gcm = { aeadProtect: true, preferredAEADAlgorithm: openpgp.enums.aead.gcm };
  const rows: Speed[] = [
    javascript('OpenPGP.js, CFB with MDC', { aeadProtect: false }),
    javascript('OpenPGP.js, GCM', gcm),
    {
      name: 'gpg -z 0 (CFB with MDC), file to /dev/null',
      bytes: 8 * bytes,
      run: () => {
        const loopback = ['--pinentry-mode', 'loopback', '--passphrase', 'bench', '--s2k-count', '1024'];
        const home = ['--homedir', directory, '--batch', '--quiet', '--yes'];
        const { status, stderr } = spawnSync('gpg', [
          ...home,
          ...loopback,
          '-z',
          '0',
          '-o',
          '/dev/null',
          '-c',
          file,
        ]);
        if (status !== 0) throw new Error(`gpg: ${stderr.toString()}`);
      },
    },
  ];
  try {
    const speeds = await measure('peers', time, rows);
    table(
      'Others, one thread, without SHA-1 of the result',
      rows.map(({ name }) => ({ program: name, 'MB/s': Math.round(speeds.get(name) ?? 0) })),
    );
  } finally {
    spawnSync('gpgconf', ['--homedir', directory, '--kill', 'all']);
    rmSync(directory, { recursive: true, force: true });
  }
}
