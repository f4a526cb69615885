/** Plans of restore scripts with any names, tokens and addresses, and a shell for what they become. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { restoreScript, type ScriptPlan, type ScriptVolume } from '../../src/catalog/restore-script.js';
import { RESTORE_SCRIPT_BODY } from '../../src/catalog/restore-script-body.js';
import { Failure } from '../../src/errors.js';
import { SHELLS } from '../restore-script/shells.js';

export const nasty = fc.oneof(
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
export const sha1 = fc.oneof(fc.constant(undefined), fc.constant('da39a3ee5e6b4b0d3255bfef95601890afd80709'));
export const volume: fc.Arbitrary<ScriptVolume> = fc.record({
  name: nasty,
  fileId: nasty,
  encrypted: fc.boolean(),
  dataBytes: fc.option(fc.nat(), { nil: undefined }),
  missing: fc.boolean(),
  pieces: fc.array(fc.record({ bytes: fc.nat(), sha1 }), { minLength: 1, maxLength: 3 }),
});
export const goodToken = fc.stringMatching(/^[A-Za-z0-9+/=_.:~-]+$/);
const goodUrl = fc.webUrl({ validSchemes: ['https'], withQueryParameters: true });
export const access: fc.Arbitrary<ScriptPlan['access']> = fc.oneof(
  fc.record({
    kind: fc.constant('token' as const),
    token: fc.oneof(nasty, goodToken),
    baseUrl: fc.oneof(nasty, goodUrl),
    expiresAt: fc.nat(4_000_000_000),
  }),
  fc.record({ kind: fc.constant('key' as const), authorizeUrl: fc.oneof(nasty, goodUrl) }),
);
export const plan: fc.Arbitrary<ScriptPlan> = fc.record({
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

/** For plans of which something else is tried. */
export const PLAIN = {
  host: 'web',
  number: 1,
  program: 'x',
  madeAt: 0,
  storedAt: 0,
  problems: [],
  gpgVersion: [2, 2, 21],
} as const satisfies Partial<ScriptPlan>;

/** A script, or undefined where it is refused. */
export function scriptOf(from: ScriptPlan): string | undefined {
  try {
    return restoreScript(from);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** What stands before the part that all scripts share, and then these lines. */
export function headOf(script: string, lines: string): string {
  const end = script.indexOf(RESTORE_SCRIPT_BODY.trim());
  assert.ok(end > 0);
  return `${script.slice(0, end)}\n${lines}\n`;
}

/** One of its functions. */
export function functionOf(name: string): string {
  const found = new RegExp(`^${name}\\(\\) \\{$[^]*?^\\}$`, 'm').exec(RESTORE_SCRIPT_BODY);
  assert.ok(found, name);
  return found[0];
}

export const shells = fc.constantFrom(...SHELLS);

/** In a directory of its own: what the script writes by mistake lies there. */
export function run(scratch: string, [program, ...words]: readonly string[], text: string): Buffer {
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
