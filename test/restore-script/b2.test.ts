/** The restore script against a B2: its token opens this archive and no other, and the owner's key does without one. */
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { archiveStem } from '../../src/catalog/names.js';
import {
  percentEncode,
  piecesOf,
  type ScriptAccess,
  type ScriptPlan,
} from '../../src/catalog/restore-script.js';
import { startB2Server, type B2Server } from '../support/b2-server/server.js';
import { makeArchive, type MadeArchive } from './archive.js';
import { runScript } from './run.js';

const BUCKET = 'backups-of-the-house';

interface Authorization {
  readonly authorizationToken: string;
  readonly apiInfo: { readonly storageApi: { readonly apiUrl: string; readonly downloadUrl: string } };
}

/** A download authorization, asked for in B2's own words. */
async function tokenFor(b2: B2Server, fileNamePrefix: string): Promise<{ token: string; baseUrl: string }> {
  const basic = Buffer.from(`${b2.keyId}:${b2.key}`).toString('base64');
  const login = await fetch(`${b2.url}/b2api/v3/b2_authorize_account`, {
    headers: { authorization: `Basic ${basic}` },
  });
  const account = (await login.json()) as Authorization;
  const { apiUrl, downloadUrl } = account.apiInfo.storageApi;
  const reply = await fetch(`${apiUrl}/b2api/v3/b2_get_download_authorization`, {
    method: 'POST',
    headers: { authorization: account.authorizationToken },
    body: JSON.stringify({
      bucketId: b2.bucket(BUCKET).bucketId,
      fileNamePrefix,
      validDurationInSeconds: 600,
    }),
  });
  const { authorizationToken } = (await reply.json()) as { authorizationToken: string };
  return { token: authorizationToken, baseUrl: `${downloadUrl}/file/${BUCKET}/` };
}

function put(b2: B2Server, archive: MadeArchive, number: number): ScriptPlan['volumes'] {
  return archive.volumes.map(({ suffix, bytes, parts }) => {
    const name = `web.${number}.tar.${suffix}.gpg`;
    const { fileId } = b2.bucket(BUCKET).put(name, bytes);
    return { name, fileId, encrypted: true, pieces: piecesOf(bytes.length, parts, undefined) };
  });
}

describe('restore script against B2', () => {
  let b2: B2Server;
  let archive: MadeArchive;
  let plan: ScriptPlan;
  let other: ScriptPlan['volumes'];
  let nth = 0;
  const target = (): string => join(archive.directory, `b2 target ${++nth}`);
  const restored = (directory: string): void => {
    assert.equal(spawnSync('diff', ['-r', archive.source, directory], { encoding: 'utf8' }).stdout, '');
  };

  before(async () => {
    archive = makeArchive({ volumeBytes: 150_000, partBytes: 60_000 });
    b2 = await startB2Server({ buckets: [BUCKET] });
    const volumes = put(b2, archive, 1);
    other = put(b2, archive, 10);
    const { token, baseUrl } = await tokenFor(b2, archiveStem({ prefix: '', host: 'web', number: 1 }));
    plan = {
      host: 'web',
      number: 1,
      program: 'backuppc-b2 test',
      madeAt: 0,
      storedAt: 0,
      problems: [],
      access: { kind: 'token', token, baseUrl, expiresAt: 4_000_000_000 },
      decompress: undefined,
      gpgVersion: [2, 2, 21],
      volumes,
    };
  });
  after(async () => {
    assert.deepEqual(b2.defects, []);
    await b2.close();
    archive.dispose();
  });

  test('with its token, over an unreliable line', async () => {
    b2.faults.add('download_file_by_name=reset-body:20000@/3');
    b2.faults.add('download_file_by_name=503@2,7');
    b2.faults.add('download_file_by_name=flip-bit@4');
    const directory = target();
    const { status, stderr } = await runScript('sh', archive, plan, [directory]);
    assert.equal(status, 0, stderr);
    restored(directory);
    assert.deepEqual(b2.faults.unfired, []);
    b2.faults.clear();
  });

  test('a token prefix that opens other backups: that of web #1 does not open web #10', async () => {
    const { access } = plan;
    assert.equal(access.kind, 'token');
    const fetched = async (
      name: string,
      { token, baseUrl }: ScriptAccess & { kind: 'token' },
    ): Promise<number> => {
      const reply = await fetch(`${baseUrl}${percentEncode(name)}`, { headers: { authorization: token } });
      await reply.arrayBuffer();
      return reply.status;
    };
    assert.equal(await fetched('web.1.tar.aa.gpg', access), 200);
    assert.equal(await fetched('web.10.tar.aa.gpg', access), 401);
    // What the older scripts asked for: any number that begins like this one.
    const wide = { ...access, ...(await tokenFor(b2, 'web.1')) };
    assert.equal(await fetched('web.10.tar.aa.gpg', wide), 200);

    const outcome = await runScript('sh', archive, { ...plan, volumes: other }, [target()]);
    assert.equal(outcome.status, 1);
    assert.match(outcome.stderr, /token \(HTTP 401\)/);
  });

  test("with the owner's key, from the environment, fetched by file id; an expired account token is renewed", async () => {
    const keyed: ScriptPlan = { ...plan, access: { kind: 'key', authorizeUrl: b2.url } };
    const environment = { B2_APPLICATION_KEY_ID: b2.keyId, B2_APPLICATION_KEY: b2.key };
    // An older and a newer version under the same names must not matter.
    for (const { name } of plan.volumes) b2.bucket(BUCKET).put(name, Buffer.from('a later run'));
    b2.faults.add('download_file_by_id=401@2');
    b2.faults.add('authorize_account=503@1');
    const directory = target();
    const { status, stderr } = await runScript('sh', archive, keyed, [directory], { environment });
    assert.equal(status, 0, stderr);
    restored(directory);
    assert.deepEqual(b2.faults.unfired, []);
    b2.faults.clear();

    const wrong = await runScript('sh', archive, keyed, [target()], {
      environment: { ...environment, B2_APPLICATION_KEY: 'wrong' },
    });
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /B2 refuses the application key \(HTTP 401\)/);
  });

  test('a target that is there and empty but for lost+found is taken', async () => {
    const again = plan.volumes.map((volume, i) => ({ ...volume, name: `again.1.tar.${i}.gpg` }));
    for (const [i, { bytes }] of archive.volumes.entries())
      b2.bucket(BUCKET).put(again[i]?.name ?? '', bytes);
    const access = {
      kind: 'token',
      ...(await tokenFor(b2, 'again.1.tar')),
      expiresAt: 4_000_000_000,
    } as const;
    const directory = target();
    mkdirSync(join(directory, 'lost+found'), { recursive: true });
    const { status, stderr } = await runScript('sh', archive, { ...plan, access, volumes: again }, [
      '-q',
      directory,
    ]);
    assert.equal(status, 0, stderr);
  });
});
