/**
 * Restore scripts of any names, tokens, addresses and passphrases: either none is made, or it parses, and what goes into the shell comes out of
 * it as it was.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { RESTORE_SCRIPT_BODY } from '../../src/catalog/restore-script-body.js';
import { secretLine } from '../../src/config/secret-line.js';
import { oneLine } from '../../src/errors.js';
import { SHELLS } from '../restore-script/shells.js';
import { forAWhile } from './for-a-while.js';
import { PLAIN, nasty, plan, scriptOf, headOf, shells, run } from './script-material.js';

const scratch = mkdtempSync(join(tmpdir(), 'bb2-fuzz-script-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe('fuzz: restore scripts', { skip: SHELLS.length === 0 && 'no shell' }, () => {
  it('parse, and have every value as it was', () => {
    let made = 0;
    fc.assert(
      fc.property(plan, shells, (from, shell) => {
        const script = scriptOf(from);
        if (script === undefined) return;
        made += 1;
        // With -n ksh93 gives advice.
        if (shell[0] !== 'ksh93') run(scratch, [...shell, '-n'], script);
        const values =
          '"$archive" "$problems" "$packed_by" "$unpacker" "$token" "$base" "$authorize_url" "$expires"';
        const probe = `printf '%s\\0' ${values}; plan; printf '\\0'; index_plan; printf '\\0'`;
        const fields = run(scratch, shell, headOf(script, probe)).toString('utf8').split('\0');
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
          ...PLAIN,
          access: { kind: 'key', authorizeUrl: 'https://api.example.org' },
          decompress: ['printf', '%s\\0', ...words],
          volumes: [],
        });
        if (script === undefined) return;
        const said = run(scratch, shell, headOf(script, 'unpack'));
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
        assert.deepEqual(run(scratch, shell, text), Buffer.concat([expected, Buffer.from('\n')]));
      }),
      forAWhile,
    );
  });
});
