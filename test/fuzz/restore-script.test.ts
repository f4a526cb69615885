/**
 * Restore scripts of any names, tokens, addresses and passphrases: either none is made, or it parses, and what goes into the shell and into
 * curl's configuration comes out of them as it was.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { restoreScript, type ScriptPlan, type ScriptVolume } from '../../src/catalog/restore-script.js';
import { RESTORE_SCRIPT_BODY } from '../../src/catalog/restore-script-body.js';
import { secretLine } from '../../src/config/secret-line.js';
import { Failure, oneLine } from '../../src/errors.js';
import { SHELLS } from '../restore-script/shells.js';
import { forAWhile, triedForAWhile } from './for-a-while.js';

const scratch = mkdtempSync(join(tmpdir(), 'bb2-fuzz-script-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

const nasty = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  // Lone surrogates: JSON can have them.
  fc.array(fc.nat(0xffff), { maxLength: 8 }).map((units) => String.fromCharCode(...units)),
  fc
    .array(
      fc.constantFrom(
        "'",
        '"',
        '\\',
        '$(touch PWNED)',
        '`touch PWNED`',
        '\n',
        '\r',
        '\0',
        ';',
        '${x}',
        '-o',
        '--config',
        'PLAN',
        '\nPLAN\n',
        "'\\''",
        ' ',
        '*',
        '%s',
        '%0a',
        '#',
        'url = "',
        '\u0085',
        '\u2028',
        'ü',
        'web.1.tar',
      ),
      { maxLength: 6 },
    )
    .map((words) => words.join('')),
);
const sha1 = fc.oneof(fc.constant(undefined), fc.constant('da39a3ee5e6b4b0d3255bfef95601890afd80709'));
const volume: fc.Arbitrary<ScriptVolume> = fc.record({
  name: nasty,
  fileId: nasty,
  encrypted: fc.boolean(),
  dataBytes: fc.option(fc.nat(), { nil: undefined }),
  missing: fc.boolean(),
  pieces: fc.array(fc.record({ bytes: fc.nat(), sha1 }), { minLength: 1, maxLength: 3 }),
});
const goodToken = fc.stringMatching(/^[A-Za-z0-9+/=_.:~-]+$/);
const goodUrl = fc.webUrl({ validSchemes: ['https'], withQueryParameters: true });
const access: fc.Arbitrary<ScriptPlan['access']> = fc.oneof(
  fc.record({
    kind: fc.constant('token' as const),
    token: fc.oneof(nasty, goodToken),
    baseUrl: fc.oneof(nasty, goodUrl),
    expiresAt: fc.nat(4_000_000_000),
  }),
  fc.record({ kind: fc.constant('key' as const), authorizeUrl: fc.oneof(nasty, goodUrl) }),
);
const plan: fc.Arbitrary<ScriptPlan> = fc.record({
  host: nasty,
  number: fc.nat(),
  program: nasty,
  madeAt: fc.nat(),
  storedAt: fc.nat(),
  problems: fc.array(nasty, { maxLength: 2 }),
  access,
  decompress: fc.option(fc.array(nasty, { minLength: 1, maxLength: 3 }), { nil: undefined }),
  packedBy: fc.option(nasty, { nil: undefined }),
  gpgVersion: fc.constant([2, 2, 21] as const),
  volumes: fc.array(volume, { maxLength: 3 }),
  index: fc.option(volume, { nil: undefined }),
});

/** A script, or undefined where it is refused. */
function scriptOf(from: ScriptPlan): string | undefined {
  try {
    return restoreScript(from);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** What stands before the part that all scripts share, and then these lines. */
function headOf(script: string, lines: string): string {
  const end = script.indexOf(RESTORE_SCRIPT_BODY.trim());
  assert.ok(end > 0);
  return `${script.slice(0, end)}\n${lines}\n`;
}

/** One of its functions. */
function functionOf(name: string): string {
  const found = new RegExp(`^${name}\\(\\) \\{$[^]*?^\\}$`, 'm').exec(RESTORE_SCRIPT_BODY);
  assert.ok(found, name);
  return found[0];
}

const shells = fc.constantFrom(...SHELLS);

function run([program, ...words]: readonly string[], text: string): Buffer {
  const file = join(scratch, 'script');
  writeFileSync(file, text);
  const { status, stdout, stderr } = spawnSync(program ?? '', [...words, file], {
    cwd: scratch,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
  assert.equal(status, 0, `${program}: ${stderr.toString()}`);
  assert.equal(stderr.toString(), '');
  return stdout;
}

describe('fuzz: restore scripts', { skip: SHELLS.length === 0 && 'no shell' }, () => {
  it('parse, and have every value as it was', () => {
    let made = 0;
    fc.assert(
      fc.property(plan, shells, (from, shell) => {
        const script = scriptOf(from);
        if (script === undefined) return;
        made += 1;
        // With -n ksh93 gives advice.
        if (shell[0] !== 'ksh93') run([...shell, '-n'], script);
        const values =
          '"$archive" "$problems" "$packed_by" "$unpacker" "$token" "$base" "$authorize_url" "$expires"';
        const probe = `printf '%s\\0' ${values}; plan; printf '\\0'; index_plan; printf '\\0'`;
        const fields = run(shell, headOf(script, probe)).toString('utf8').split('\0');
        const { access: by } = from;
        const [archive, problems, packedBy, unpacker, token, base, authorizeUrl, expires, volumes, index] =
          fields;
        const asOctets = (text: string): string => Buffer.from(text).toString('utf8');
        assert.equal(archive, asOctets(oneLine(`${from.host} #${from.number}`)));
        assert.equal(problems, asOctets(oneLine(from.problems.join('; '))));
        assert.equal(packedBy, asOctets(oneLine(from.packedBy ?? '')));
        assert.equal(unpacker, asOctets(from.decompress?.[0] ?? ''));
        assert.equal(token, by.kind === 'token' ? by.token : '');
        assert.equal(base, by.kind === 'token' ? by.baseUrl : '');
        assert.equal(
          authorizeUrl?.startsWith(by.kind === 'key' ? by.authorizeUrl.replace(/\/+$/, '') : ''),
          true,
        );
        assert.equal(expires, String(by.kind === 'token' ? by.expiresAt : 0));
        const lines = (volumes ?? '').split('\n').filter((line) => /^(volume|missing) /.test(line));
        assert.equal(lines.length, from.volumes.length);
        for (const [at, line] of lines.entries()) {
          const its = from.volumes[at];
          assert.ok(its);
          const [what, number, pieces, where, bytes, encrypted] = line.split(' ');
          assert.equal(number, String(at + 1));
          assert.ok(/^[\x20-\x7e]*$/.test(line), line);
          if (what === 'missing') continue;
          assert.equal(
            decodeURIComponent(where ?? ''),
            asOctets(by.kind === 'token' ? its.name : its.fileId),
          );
          assert.deepEqual([pieces, encrypted], [String(its.pieces.length), its.encrypted ? 'yes' : 'no']);
          assert.equal(bytes, String(its.pieces.reduce((sum, piece) => sum + piece.bytes, 0)));
        }
        assert.equal(
          (index ?? '').split('\n').filter((line) => /^(volume|missing) /.test(line)).length,
          from.index ? 1 : 0,
        );
      }),
      forAWhile,
    );
    assert.ok(made > 0);
  });

  it('the command that decompresses gets its words as they are', () => {
    fc.assert(
      fc.property(fc.array(nasty, { minLength: 1, maxLength: 4 }), shells, (words, shell) => {
        const script = scriptOf({
          host: 'web',
          number: 1,
          program: 'x',
          madeAt: 0,
          storedAt: 0,
          problems: [],
          access: { kind: 'key', authorizeUrl: 'https://api.example.org' },
          decompress: ['printf', '%s\\0', ...words],
          gpgVersion: [2, 2, 21],
          volumes: [],
        });
        if (script === undefined) return;
        const said = run(shell, headOf(script, 'unpack'));
        assert.deepEqual(said, Buffer.from(words.map((word) => `${word}\0`).join('')));
      }),
      forAWhile,
    );
  });

  it('passphrases: the octets of the first line, as backuppc-b2 reads them', () => {
    const begin = RESTORE_SCRIPT_BODY.indexOf('IFS= read -r passphrase <');
    const end = RESTORE_SCRIPT_BODY.indexOf('marked=yes', begin);
    assert.ok(begin > 0 && end > begin);
    const reading = RESTORE_SCRIPT_BODY.slice(begin, end + 'marked=yes'.length);
    const octets = fc.oneof(
      fc.uint8Array({ min: 1, minLength: 1, maxLength: 40 }),
      nasty.map((text) => Uint8Array.from(Buffer.from(text).filter((octet) => octet !== 0))),
      fc
        .tuple(
          fc.constantFrom('', '\ufeff', '-n ', '\\', '%s', '"'),
          fc.uint8Array({ min: 1, maxLength: 8 }),
          fc.constantFrom('', '\n', '\r\n', '\r', '\nmore'),
        )
        .map(([before, some, behind]) =>
          Uint8Array.from(Buffer.concat([Buffer.from(before), some, Buffer.from(behind)])),
        ),
    );
    const file = join(scratch, 'passphrase');
    fc.assert(
      fc.property(octets, shells, (contents, shell) => {
        const expected = secretLine(contents);
        if (expected.length === 0 || contents[0] === 0x0a) return;
        writeFileSync(file, contents);
        const text = `LC_ALL=C; export LC_ALL; fail() { exit 1; }; passphrase_file='${file}'\n${reading}\nprintf '%s\\n' "$passphrase"`;
        assert.deepEqual(run(shell, text), Buffer.concat([expected, Buffer.from('\n')]));
      }),
      forAWhile,
    );
  });
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
          host: 'web',
          number: 1,
          program: 'x',
          madeAt: 0,
          storedAt: 0,
          problems: [],
          access: { kind: 'token', token, baseUrl: `${origin}${path}`, expiresAt: 1 },
          decompress: undefined,
          gpgVersion: [2, 2, 21],
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
