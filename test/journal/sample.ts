/** A journal with everything in it, for the tests of this folder. */
import { createHash } from 'node:crypto';
import type { ArchiveRecord, JournalRecord, PartRecord } from '../../src/journal/records.js';
import { JOURNAL_FORMAT } from '../../src/journal/records.js';
import { keyIdOf } from '../../src/journal/keys.js';
import { encodeLine } from '../../src/journal/lines.js';
import { JournalFold } from '../../src/journal/state.js';
import type { VolumeSecrets } from '../../src/openpgp/volume-secrets.js';

export const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export function secretsOf(seed: number): VolumeSecrets {
  return {
    profile: 'librepgp',
    aead: 'ocb',
    sessionKey: new Uint8Array(32).fill(seed),
    salt: new Uint8Array(15).fill(seed),
    keyPackets: Uint8Array.of(0xc3, seed),
  };
}

export const ARCHIVE: ArchiveRecord = {
  type: 'archive',
  format: JOURNAL_FORMAT,
  run: 'run-1',
  host: 'web.1',
  number: 42,
  bucket: 'vault',
  startedAt: '2026-01-02T03:04:05.000Z',
  options: { compression: 'gzip:6', 'part size': 5_242_880, extension: '.gz' },
  keys: sha256('keys'),
  digestKey: sha256('digest key'),
  supersedes: [],
};

/** Part `part` of volume `volume` as a source in state `source` gives it. */
export function partOf(volume: number, part: number, last = false, source = 'tar'): PartRecord {
  const text = `${source} ${volume} ${part}`;
  return {
    type: 'part',
    volume,
    part,
    bytes: 1000 + part,
    sha1: sha1(text),
    dataBytes: 900 + part,
    digest: sha256(text),
    last,
  };
}

export function started(volume: number, fileId: string | null = `file-${volume}`): JournalRecord {
  return {
    type: 'volume',
    volume,
    name: `web.1.42.tar.gz.a${'abcdef'[volume] ?? 'z'}.gpg`,
    fileId,
    keyId: keyIdOf(secretsOf(volume)),
  };
}

/** Volume 0 finished in two parts, volume 1 running, volume 2 a plain file, volume 3 given up and started over. */
export const RECORDS: readonly JournalRecord[] = [
  ARCHIVE,
  started(0),
  partOf(0, 0),
  partOf(0, 1, true),
  // Version 1.0 wrote this.
  { type: 'sent', volume: 0, part: 0 },
  started(1),
  { type: 'sent', volume: 0, part: 1 },
  { type: 'finished', volume: 0, fileId: 'file-0' },
  partOf(1, 1),
  partOf(1, 0),
  { type: 'sent', volume: 1, part: 1 },
  started(3),
  { type: 'abandoned', volume: 3, reason: 'vault full' },
  started(3, 'file-3c'),
  started(2, null),
  partOf(2, 0, true),
];

export function fileOf(records: readonly JournalRecord[]): Buffer {
  return Buffer.concat(records.map((record) => encodeLine(JSON.stringify(record))));
}

export function stateOf(records: readonly JournalRecord[]): JournalFold {
  const [first, ...rest] = records;
  if (first?.type !== 'archive') throw new Error('a journal begins with its archive');
  const state = new JournalFold(first);
  for (const record of rest) state.add(record);
  return state;
}

/** State as plain data, to compare. */
export function plain(state: JournalFold): unknown {
  return {
    archive: state.archive,
    manifest: state.manifest,
    volumes: [...state.volumes.values()].map((volume) => ({
      ...volume,
      parts: [...volume.parts.values()],
    })),
  };
}
