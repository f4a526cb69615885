import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TarMessages } from '../../src/restore/tar-messages.js';

function failureOf(...lines: readonly string[]): { kind: string; message: string } {
  const messages = new TarMessages('/restored');
  for (const line of [...lines, 'tar: Exiting with failure status due to previous errors'])
    messages.add(line);
  const { kind, message } = messages.failure(2);
  return { kind, message };
}

test('members that tar could not make are counted and named, and the rest is said to be there', () => {
  assert.deepEqual(
    failureOf(
      'tar: ./dev/null: Cannot mknod: Operation not permitted',
      'tar: ./dev/zero: Cannot mknod: Operation not permitted',
    ),
    {
      kind: 'local',
      message:
        'tar could not restore 2 members (Operation not permitted): ./dev/null, ./dev/zero; everything else is in /restored',
    },
  );
  const many = Array.from({ length: 9 }, (_, n) => `tar: ./d${n}: Cannot mknod: Operation not permitted`);
  assert.match(failureOf(...many).message, /9 members .*: \.\/d0, \.\/d1, \.\/d2 and 6 more;/);
});

test('members that are not in the archive, and a full disk, are failures of their own', () => {
  assert.equal(failureOf('tar: ./none: Not found in archive').kind, 'notFound');
  for (const what of ['Cannot write: No space left on device', 'Wrote only 3072 of 10240 bytes']) {
    const full = failureOf(`tar: ./big: ${what}`);
    assert.equal(full.kind, 'local');
    assert.match(full.message, /^no space left in \/restored/);
  }
});

test('anything else: the last that tar said', () => {
  assert.deepEqual(failureOf('tar: Unexpected EOF in archive'), {
    kind: 'local',
    message: 'tar ended with status 2: tar: Unexpected EOF in archive',
  });
});

test("busybox's tar ends at the first member that it cannot create: nothing is said to be there", () => {
  const messages = new TarMessages('/restored');
  messages.add("tar: can't open './ro/q': Permission denied");
  const { message, hint } = messages.failure(1);
  assert.equal(message, "tar ended with status 1: tar: can't open './ro/q': Permission denied");
  assert.match(hint ?? '', /GNU tar goes on/);
  assert.ok(!messages.onlyOfMembers);
  const absent = new TarMessages('/restored');
  absent.add('tar: ./none: not found in archive');
  assert.equal(absent.failure(1).kind, 'notFound');
});

test('what is no tar is said in words of ours, instead of those of tar', () => {
  for (const lines of [
    ['tar: This does not look like a tar archive', 'tar: Skipping to next header'],
    ['tar: invalid tar magic'],
    ['tar: short read'],
  ]) {
    const messages = new TarMessages('/restored');
    assert.deepEqual(
      lines.map((line) => messages.add(line)),
      lines.map(() => false),
    );
    assert.deepEqual(messages.failure(2).message, 'what is stored is no tar');
  }
  const later = new TarMessages('/restored');
  assert.ok(later.add('tar: ./a: Cannot mknod: Operation not permitted'));
  assert.ok(later.add('tar: short read'));
});
