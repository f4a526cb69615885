/** Restore scripts of any names, tokens and addresses, and answers of any kind: what goes into curl's configuration comes out as it was. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { SHELLS } from '../restore-script/shells.js';
import { triedForAWhile } from './for-a-while.js';
import { PLAIN, nasty, goodToken, scriptOf, headOf, functionOf, shells } from './script-material.js';

const scratch = mkdtempSync(join(tmpdir(), 'bb2-fuzz-script-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe('fuzz: curl and a restore script', { skip: SHELLS.length === 0 && 'no shell' }, () => {
  let server: Server;
  let asked: { url: string; authorization: string }[] = [];
  before(async () => {
    server = createServer((request, response) => {
      asked.push({ url: request.url ?? '', authorization: request.headers.authorization ?? '' });
      response.end('x');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    server.close();
  });

  const answerOf = async (
    [program, ...words]: readonly [string, ...string[]],
    text: string,
  ): Promise<number | null> => {
    const file = join(scratch, 'asking');
    writeFileSync(file, text);
    const child = spawn(program, [...words, file], {
      cwd: scratch,
      stdio: 'ignore',
      env: { PATH: process.env['PATH'], LC_ALL: 'C', work: scratch },
    });
    return new Promise((resolve) => child.once('close', resolve));
  };

  it('asks this server for this name with this token and nothing else, or asks nobody', async () => {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const tokens = fc.oneof(nasty, goodToken);
    const paths = fc.oneof(nasty, fc.constant('file/bucket/'));
    const functions = `${functionOf('check_access')}\n${functionOf('request')}`;
    await triedForAWhile(
      fc.asyncProperty(tokens, paths, nasty, shells, async (token, path, name, shell) => {
        asked = [];
        const script = scriptOf({
          ...PLAIN,
          access: { kind: 'token', token, baseUrl: `${origin}${path}`, expiresAt: 1 },
          decompress: undefined,
          volumes: [{ name, fileId: 'x', encrypted: true, pieces: [{ bytes: 1, sha1: undefined }] }],
        });
        if (script === undefined) return;
        const text = headOf(
          script,
          `LC_ALL=C; export LC_ALL\nfail() { exit 77; }\n${functions}\ncheck_access x\nplan | { read -r _ _ _ where _; request "$where" 0 0; }`,
        );
        const status = await answerOf(shell, text);
        if (status === 77) {
          assert.deepEqual(asked, []);
          return;
        }
        for (const { authorization } of asked) assert.equal(authorization, token);
        const there = asked.map(({ url }) => url);
        if (path === 'file/bucket/' && name !== '' && !name.includes('/.') && !name.startsWith('.'))
          assert.deepEqual(
            there.map((url) => decodeURIComponent(url)),
            [`/file/bucket/${Buffer.from(name).toString()}`],
          );
        else assert.ok(there.length <= 1);
        return undefined;
      }),
    );
  });

  it('an answer to the authorization of any kind, and the script refuses it or asks with it as it is', async () => {
    const functions = functionOf('check_access');
    await triedForAWhile(
      fc.asyncProperty(nasty, nasty, shells, async (token, base, shell) => {
        const quote = (text: string): string => `'${text.replaceAll('\0', '').replaceAll("'", `'\\''`)}'`;
        const text = `LC_ALL=C; export LC_ALL\nfail() { exit 77; }\n${functions}\nauthorize_url=https://api.example.org\ntoken=${quote(token)}\nbase=${quote(base)}\ncheck_access x`;
        const status = await answerOf(shell, text);
        const isToken = /^[A-Za-z0-9+/=_.:~-]+$/.test(token.replaceAll('\0', ''));
        const isUrl = /^https:\/\/[A-Za-z0-9._~:/?=%@[\]-]*$/.test(base.replaceAll('\0', ''));
        assert.equal(status, isToken && isUrl ? 0 : 77);
      }),
    );
  });
});
