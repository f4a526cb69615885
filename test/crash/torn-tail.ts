/** What a journal says that was torn somewhere in the records behind its last sync, beside what B2 received by then. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { archiveStem } from '../../src/catalog/names.js';
import { decodeKeys } from '../../src/journal/keys.js';
import { fileIdsToList, planResume } from '../../src/journal/resume.js';
import { readJournal } from '../../src/journal/state.js';
import { openB2 } from '../../src/b2/open.js';
import type { FileVersion, PartInfo } from '../../src/store.js';
import { BUCKET } from '../journeys/harness.js';
import { HOST, NUMBER, type CrashSite } from './crash-site.js';

/**
 * Cut at every byte between its last sync and its end, the journal is still believed, the run goes on, and a volume goes on with its keys
 * only where every part of which B2 has seen a byte is on record: else a changed source could bring other data under a used nonce.
 */
export async function assertTornAnywhere(site: CrashSite): Promise<void> {
  if (!existsSync(site.journalPath)) return;
  const whole = readFileSync(site.journalPath);
  const durable = site.counted.syncedBytes?.[site.journalPath] ?? whole.length;
  const keysPath = site.journalPath.replace(/\.journal$/, '.keys');
  const keys = decodeKeys(existsSync(keysPath) ? readFileSync(keysPath) : Buffer.alloc(0));
  const inB2 = await listed(site);
  const seen = site.journey.server.parts.filter(({ receivedBytes }) => receivedBytes > 0);

  for (let cut = durable; cut <= whole.length; cut++) {
    const read = readJournal(whole.subarray(0, cut));
    assert.ok(
      read.kind === 'good',
      `cut at ${cut} of ${whole.length} bytes, ${durable} durable: ${read.kind}`,
    );
    const { state } = read;
    const parts = new Map(fileIdsToList(state).map((fileId) => [fileId, inB2.parts.get(fileId) ?? []]));
    const { options, keys: fingerprint } = state.archive;
    const plan = planResume({
      journal: { state, keys },
      options,
      keys: fingerprint,
      versions: inB2.versions,
      parts,
    });
    assert.notEqual(plan.kind, 'fresh', plan.reason);
    if (plan.kind !== 'resume') continue;
    for (const { kind, volume } of plan.volumes.values()) {
      if (kind !== 'continue') continue;
      for (const { fileId, partNumber } of seen) {
        if (fileId !== volume.fileId) continue;
        assert.ok(volume.parts.get(partNumber - 1), `part ${partNumber} left before it was on record`);
      }
    }
  }
}

async function listed(site: CrashSite): Promise<{ versions: FileVersion[]; parts: Map<string, PartInfo[]> }> {
  const { url, keyId, key } = site.journey.server;
  const store = await openB2({ endpoint: url, keyId, key, bucket: BUCKET });
  try {
    const versions: FileVersion[] = [];
    const stem = archiveStem({ prefix: '', host: HOST, number: NUMBER });
    for await (const version of store.listVersions(stem)) versions.push(version);
    const parts = new Map<string, PartInfo[]>();
    for (const { action, fileId } of versions) {
      if (action !== 'start') continue;
      const stored: PartInfo[] = [];
      for await (const part of store.listParts(fileId)) stored.push(part);
      parts.set(fileId, stored);
    }
    return { versions, parts };
  } finally {
    await store.close();
  }
}
