/** The table of docs/damage.md: what list, verify, restore and script answer for each kind of damage. */
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest } from '../../src/catalog/manifest.js';
import { locate } from '../../src/cli/archives.js';
import { restore } from '../../src/cli/restore.js';
import { script } from '../../src/cli/script.js';
import { verify, type VerifyLevel } from '../../src/cli/verify.js';
import { asFailure } from '../../src/errors.js';
import { DAY_MS, NOW, type MemoryStore } from './memory-store.js';
import { addSealed, restoreContext, scratch } from './sealed-archive.js';

interface Hurt {
  readonly store: MemoryStore;
  readonly manifest: Manifest;
}

const content = ({ store, manifest }: Hurt, volume: number): Uint8Array => {
  const bytes = store.contents.get(manifest.volumes[volume]?.fileId ?? '');
  assert.ok(bytes);
  return bytes;
};
const drop = ({ store }: Hurt, name: string): void => {
  store.versions.splice(
    store.versions.findIndex(({ fileName }) => fileName === name),
    1,
  );
};
const nameOf = ({ manifest }: Hurt, volume: number): string => manifest.volumes.at(volume)?.name ?? '';
const complete = 'web.1.tar.COMPLETE';
const hide = ({ store }: Hurt, fileName: string): void => {
  store.add({ fileName, action: 'hide', uploadTimestamp: NOW - DAY_MS / 2 });
};
const copy = ({ store }: Hurt): void => {
  for (const [at, version] of store.versions.entries()) {
    const bytes = store.contents.get(version.fileId);
    if (bytes !== undefined) store.contents.set(`copy-${version.fileId}`, bytes);
    store.versions[at] = { ...version, fileInfo: {}, fileId: `copy-${version.fileId}` };
  }
};

const KINDS: readonly [kind: string, hurt: (archive: Hurt) => void][] = [
  ['nothing', () => undefined],
  [
    'a bit',
    (hurt) => {
      const bytes = content(hurt, 1);
      bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    },
  ],
  [
    'a volume cut short',
    (hurt) => {
      const at = hurt.store.versions.findIndex(({ fileName }) => fileName === nameOf(hurt, 1));
      const version = hurt.store.versions[at];
      assert.ok(version);
      hurt.store.contents.set(version.fileId, content(hurt, 1).slice(0, 9000));
      hurt.store.versions[at] = { ...version, contentLength: 9000 };
    },
  ],
  ['a volume missing', (hurt) => drop(hurt, nameOf(hurt, 1))],
  ['the last volume missing', (hurt) => drop(hurt, nameOf(hurt, -1))],
  [
    'two volumes swapped',
    (hurt) => {
      const first = Buffer.from(content(hurt, 0));
      content(hurt, 0).set(content(hurt, 1));
      content(hurt, 1).set(first);
    },
  ],
  ['a volume hidden', (hurt) => hide(hurt, nameOf(hurt, 1))],
  ['the manifest hidden', (hurt) => hide(hurt, complete)],
  ['a copy without file info', copy],
  [
    'the same, the last volume missing',
    (hurt) => {
      drop(hurt, nameOf(hurt, -1));
      copy(hurt);
    },
  ],
  [
    'the manifest damaged',
    (hurt) => {
      const version = hurt.store.versions.find(({ fileName }) => fileName === complete);
      hurt.store.contents.get(version?.fileId ?? '')?.fill(0x7b, 0, 10);
    },
  ],
  ['the manifest lost', (hurt) => drop(hurt, complete)],
];

const status = (work: Promise<number>): Promise<string> =>
  work.then(String, (error: unknown) => String(asFailure(error).exitStatus));

test('docs/damage.md is what the commands answer', async () => {
  const files = scratch(90_000);
  const rows: string[] = [];
  for (const [at, [kind, hurt]] of KINDS.entries()) {
    const { context, engine } = await restoreContext('librepgp');
    const { store } = context;
    const name = { host: 'web', number: 1 };
    const manifest = await addSealed(
      store,
      engine,
      { ...name, ageDays: 1 },
      files.tar,
      25_000,
      files.tar.length,
    );
    hurt({ store, manifest });
    const { archive } = await locate(context, { ...name, unfinalized: true });
    const verified = (level: VerifyLevel): Promise<string> =>
      status(
        verify(context, { ...name, level, json: false, parallel: 2, rangeBytes: 10_000, random: () => 0.5 }),
      );
    const restored = (unfinalized: boolean): Promise<string> => {
      const path = join(files.directory, `out-${at}-${String(unfinalized)}.tar`);
      const target = { kind: 'file', path } as const;
      return status(restore(context, { ...name, unfinalized, target, quiet: true }));
    };
    const scripted = (unfinalized: boolean): Promise<string> =>
      status(script(context, { ...name, unfinalized, token: false, expireSeconds: 60, output: undefined }));
    const cells = [
      kind,
      `\`${archive.state}\``,
      await verified({ kind: 'quick' }),
      await verified({ kind: 'deep' }),
      await restored(false),
      await restored(true),
      await scripted(false),
      await scripted(true),
    ];
    rows.push(`| ${cells.join(' | ')} |`);
    await engine.close();
  }
  files.dispose();
  const page = readFileSync(fileURLToPath(new URL('../../../docs/damage.md', import.meta.url)), 'utf8');
  assert.equal(page.match(/^\| (?!damage|-).*\|$/gm)?.join('\n'), rows.join('\n'));
});
