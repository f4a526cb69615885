// The source as a real process. The stand-ins are one-line shell and perl programs.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openCommand, openTarCreate, type TarSource } from '../../src/backuppc/source.js';
import { Failure } from '../../src/errors.js';
import type { RunEvent } from '../../src/events.js';

const scratch = mkdtempSync(join(tmpdir(), 'bb2-source-'));
after(() => {
  rmSync(scratch, { recursive: true, force: true });
});

const quiet = (): void => undefined;

async function drain(source: TarSource): Promise<{ bytes: number; sha1: string }> {
  const hash = createHash('sha1');
  let bytes = 0;
  for await (const slice of source.bytes) {
    hash.update(slice);
    bytes += slice.length;
  }
  return { bytes, sha1: hash.digest('hex') };
}

test('tarCreate gets its arguments, a fixed hash order and no shell', async () => {
  const path = join(scratch, 'tar create');
  writeFileSync(
    path,
    '#!/bin/sh\nfor a in "$@"; do printf "[%s]" "$a"; done\nprintf " %s %s" "$PERL_HASH_SEED" "$PERL_PERTURB_KEYS"\nprintf "one\\ntwo\\nDone: 1 files, 2 bytes, 3 dirs, 4 specials, 5 errors\\n" >&2\n',
  );
  chmodSync(path, 0o755);
  const events: RunEvent[] = [];
  const source = await openTarCreate(
    { tarCreatePath: path, host: 'a b', number: 7, share: '$(x)*' },
    (event) => events.push(event),
  );
  let text = '';
  for await (const slice of source.bytes) text += Buffer.from(slice).toString();
  assert.equal(text, '[-t][-h][a b][-n][7][-s][$(x)*][.] 0 0');
  const end = await source.ended();
  assert.deepEqual(end.done, { files: 1, bytes: 2, directories: 3, specials: 4, errors: 5 });
  assert.deepEqual([end.kind, end.name, end.status, end.signal], ['tar-create', 'tarCreate', 0, null]);
  assert.deepEqual(
    events.map((event) => (event.type === 'source-message' ? event.line : event.type)),
    ['one', 'two', 'Done: 1 files, 2 bytes, 3 dirs, 4 specials, 5 errors'],
  );
});

test('every byte arrives, in order, even with a slow reader; the writer sees whole blocking writes', async () => {
  // tarCreate gives up when a write of 10240 octets comes back short, as it would on a non-blocking descriptor.
  const program =
    'for $i (1..3000) { my $b = pack("N", $i) x 2560; syswrite(STDOUT, $b) == 10240 or die "short write: $!" }';
  const expected = createHash('sha1');
  for (let i = 1; i <= 3000; i++) {
    const word = Buffer.alloc(4);
    word.writeUInt32BE(i);
    expected.update(Buffer.alloc(10_240, word));
  }
  const source = await openCommand(['perl', '-e', program], quiet);
  const hash = createHash('sha1');
  let turns = 0;
  for await (const slice of source.bytes) {
    // Let the event loop turn while the slice is lent: nothing may overwrite it.
    if (turns++ % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    hash.update(slice);
  }
  const end = await source.ended();
  assert.deepEqual([end.status, end.messages], [0, []]);
  assert.equal(hash.digest('hex'), expected.digest('hex'));
});

test('reading stops while the consumer does: the writer is held, not buffered', async () => {
  const source = await openCommand(
    [
      'perl',
      '-e',
      '$SIG{ALRM} = sub { print STDERR "$n\\n"; exit 0 }; alarm 1; while (1) { $n += syswrite(STDOUT, "x" x 10240) }',
    ],
    quiet,
  );
  const iterator = source.bytes[Symbol.asyncIterator]();
  await iterator.next();
  const end = await source.ended();
  assert.ok(Number(end.messages[0]) < 2_000_000, `the writer wrote ${end.messages[0] ?? '?'} bytes ahead`);
  await source.stop();
});

test('exit status and the signal that killed it are reported', async () => {
  const failing = await openCommand(['sh', '-c', 'echo data; echo oh no >&2; exit 3'], quiet);
  assert.equal((await drain(failing)).bytes, 5);
  assert.deepEqual(await failing.ended(), {
    kind: 'command',
    name: 'sh',
    status: 3,
    signal: null,
    messages: ['oh no'],
    done: undefined,
  });
  const killed = await openCommand(['sh', '-c', 'echo data; kill -9 $$'], quiet);
  await drain(killed);
  const end = await killed.ended();
  assert.deepEqual([end.status, end.signal], [null, 'SIGKILL']);
});

test('a program that cannot be started is a failure of the source', async () => {
  for (const [program, reason] of [
    [join(scratch, 'none'), /there is no such program/],
    ['/etc/passwd', /not executable/],
  ] as const) {
    await assert.rejects(
      openCommand([program], quiet),
      (thrown) => thrown instanceof Failure && thrown.kind === 'source' && reason.test(thrown.message),
    );
  }
});

test('stop ends a source that ignores SIGTERM, and a consumer that waits for it', async () => {
  const source = await openCommand(
    ['perl', '-e', '$SIG{TERM} = "IGNORE"; syswrite(STDOUT, "x"); sleep 1 while 1'],
    quiet,
  );
  const iterator = source.bytes[Symbol.asyncIterator]();
  await iterator.next();
  const waiting = iterator.next();
  await source.stop(50);
  assert.equal((await waiting).done, true);
  assert.equal((await source.ended()).signal, 'SIGKILL');
  await source.stop();
});

test('a grandchild that keeps standard error open does not delay the end', async () => {
  const source = await openCommand(
    ['sh', '-c', 'sleep 30 >/dev/null & echo $! ; echo last words >&2'],
    quiet,
  );
  let pid = '';
  for await (const slice of source.bytes) pid += Buffer.from(slice).toString();
  const end = await source.ended();
  process.kill(Number(pid));
  assert.deepEqual([end.status, end.messages], [0, ['last words']]);
});

test('of a flood of messages the first and the last lines are kept, in bounded memory', async () => {
  const source = await openCommand(
    ['perl', '-e', 'print STDERR "line $_\\n" for 1..50000; print STDERR "y" x 3000000; print STDOUT "x"'],
    quiet,
  );
  await drain(source);
  const { messages } = await source.ended();
  assert.equal(messages[0], 'line 1');
  assert.equal(messages.at(-2), 'line 50000');
  assert.equal(messages.at(-1)?.length, 4096);
  assert.ok(messages.length <= 40);
});

test('standard input, as a pipe and as a file', () => {
  const program = `
    import { openStdin } from ${JSON.stringify(new URL('../../src/backuppc/source.js', import.meta.url).href)};
    const source = openStdin();
    let bytes = 0;
    for await (const slice of source.bytes) bytes += slice.length;
    console.log(bytes, (await source.ended()).kind);`;
  const file = join(scratch, 'in');
  writeFileSync(file, Buffer.alloc(700_000, 1));
  const node = (redirect: string): string =>
    spawnSync(
      'sh',
      ['-c', redirect.replace('NODE', '"$0" --input-type=module -e "$1"'), process.execPath, program],
      { encoding: 'utf8' },
    ).stdout;
  assert.equal(node(`head -c 3000000 /dev/zero | NODE`), '3000000 stdin\n');
  assert.equal(node(`NODE < '${file}'`), '700000 stdin\n');
  assert.equal(node(`NODE < /dev/null`), '0 stdin\n');
});
