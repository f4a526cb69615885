// `status` and `bwlimit` ask whatever pretends to be an archive; nothing of it is believed or shown unchecked.
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { controlSocketOf } from '../../../src/cli/run/control-sockets.js';
import { setLimit, status } from '../../../src/cli/run/status.js';
import { serveControl } from '../../../src/bandwidth/control-socket.js';
import { Failure } from '../../../src/errors.js';
import { recordedOutput } from '../context.js';
import { skipWithoutRoot } from '../../support/debian.js';

const UID = process.getuid?.() ?? 0;
const UNPRINTABLE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;

let tmp: string;
let closers: (() => Promise<void>)[];
const { TMPDIR } = process.env;

beforeEach(() => {
  tmp = mkdtempSync(join(tmpdir(), 'bb2-tmp-'));
  process.env['TMPDIR'] = tmp;
  closers = [];
});
afterEach(async () => {
  for (const close of closers) await close();
  if (TMPDIR === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = TMPDIR;
  rmSync(tmp, { recursive: true, force: true });
});

const limit = { limit: 'off', bytesPerSecond: null, rate: 'off', reason: '--bwlimit', lifted: false };
const answer = {
  pid: 4711,
  host: 'web',
  number: 3,
  startedAt: '2026-01-01T00:00:00.000Z',
  progress: {
    elapsedMs: 60_000,
    readBytes: 10,
    packedBytes: 10,
    confirmedBytes: 5,
    skippedBytes: 0,
    rate: 1,
    connectionsBusy: 1,
    connectionsAllowed: 2,
    retries: 0,
  },
  limit,
};

async function genuine(): Promise<void> {
  const control = await serveControl(await controlSocketOf(4711), {
    status: () => answer,
    bwlimit: ({ limit: text }) => {
      if (text === 'nonsense') throw new Failure('usage', 'not a rate');
      return limit;
    },
  });
  closers.push(() => control.close());
}

/** Something in a directory of that user, which sends what it likes. */
async function impostor(send: (socket: Socket) => void, { uid = UID, mode = 0o700 } = {}): Promise<void> {
  const directory = join(tmp, `backuppc-b2-${uid}`);
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, mode);
  const server = createServer((socket) => {
    socket.on('error', () => undefined).resume();
    send(socket);
  });
  await new Promise<void>((resolve) => server.listen(join(directory, '1-0.sock'), resolve));
  closers.push(
    () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
  );
}

const line = (value: unknown) => (socket: Socket) => socket.end(`${JSON.stringify(value)}\n`);

test('an archive that runs is shown, and one that answers nonsense is not', async () => {
  const lies: unknown[] = [
    'text',
    null,
    { ok: true, result: null },
    { ok: true, result: { ...answer, pid: '\u001b[2J' } },
    { ok: true, result: { ...answer, progress: { ...answer.progress, rate: 'x' } } },
    { ok: true, result: { ...answer, limit: 1 } },
    { ok: false, kind: 'no such kind', message: 'x' },
    { ok: false, kind: 'unavailable', message: 'sorry\u001b[2J\u009b31m\nsecond line' },
  ];
  await genuine();
  for (const lie of lies) {
    await impostor(line(lie));
    const out = recordedOutput();
    assert.equal(await status(out, { json: false }), 0);
    assert.match(
      out.text,
      /^web #3 \(pid 4711\), for 1 m 00 s: in B2 5 B, read 10 B.*\n {2}upload limit off, --bwlimit\n$/,
    );
    assert.equal(out.notes.length, 1);
    assert.doesNotMatch(out.notes.join(''), UNPRINTABLE);
    await closers.pop()?.();
  }
});

test('texts reach the terminal clean and short, and JSON too', async () => {
  await impostor(
    line({
      ok: true,
      result: { ...answer, host: `\u001b]0;x\u0007\u009b31m${'h'.repeat(9999)}`, extra: '\u009b' },
    }),
  );
  for (const json of [false, true]) {
    const out = recordedOutput();
    await status(out, { json });
    assert.doesNotMatch(out.text, UNPRINTABLE);
    assert.ok(out.text.length < 2000);
    assert.doesNotMatch(out.text, /extra/);
  }
});

test('an endless line is broken off', { timeout: 20_000 }, async () => {
  await impostor((socket) => {
    const more = Buffer.alloc(65536, 'x');
    const send = (): void => {
      while (socket.write(more));
    };
    socket.on('drain', send);
    send();
  });
  const out = recordedOutput();
  assert.equal(await status(out, { json: false }), 13);
  assert.match(out.notes.join(), /is too long/);
});

test('bwlimit: a wrong rate is reported as such, an impostor is skipped', async () => {
  await genuine();
  await impostor(line({ ok: true, result: 'done' }));
  const out = recordedOutput();
  assert.equal(await setLimit(out, 'off'), 0);
  assert.equal(out.text, 'upload limit now off\n');
  await assert.rejects(setLimit(out, 'nonsense'), /not a rate/);
});

test('bwlimit --host --number picks one run, and says if there is none', async () => {
  await genuine();
  const out = recordedOutput();
  assert.equal(await setLimit(out, 'off', { host: 'web', number: 3 }), 0);
  assert.equal(out.text, 'upload limit now off\n');
  await assert.rejects(setLimit(out, 'off', { host: 'web', number: 4 }), /no archive of web #4 is running/);
  await assert.rejects(setLimit(out, 'off', { host: 'other' }), { kind: 'notFound' });
  assert.equal(out.text, 'upload limit now off\n');
});

test(
  'bwlimit as root: never the archives of several users at once',
  { skip: UID !== 0 && 'needs root' },
  async () => {
    await genuine();
    const asked: string[] = [];
    await impostor(
      (socket) =>
        void socket.once('data', (data: Buffer) => {
          asked.push(data.toString());
          line({ ok: true, result: { ...answer, host: 'theirs', ...answer.limit } })(socket);
        }),
      { uid: 54321 },
    );
    for (const name of ['', '1-0.sock']) chownSync(join(tmp, 'backuppc-b2-54321', name), 54321, 54321);
    const out = recordedOutput();
    await assert.rejects(setLimit(out, 'off'), /of several users are running, and nothing was changed/);
    assert.equal(out.text, '');
    assert.equal(await setLimit(out, 'off', { host: 'web' }), 0);
    assert.doesNotMatch(asked.join(''), /bwlimit/);
  },
);

test(
  'root looks only into directories that belong to the user of their name, and to nobody else',
  { skip: skipWithoutRoot() },
  async () => {
    let asked = 0;
    const count = (socket: Socket): void => {
      asked++;
      socket.end();
    };
    await impostor(count, { uid: 54321 });
    await impostor(count, { uid: 54322, mode: 0o755 });
    chownSync(join(tmp, 'backuppc-b2-54322'), 54322, 54322);
    await impostor(count, { uid: 54323 });
    chownSync(join(tmp, 'backuppc-b2-54323'), 54323, 54323);
    assert.equal(await status(recordedOutput(), { json: true }), 13);
    assert.equal(asked, 0);
    chownSync(join(tmp, 'backuppc-b2-54323', '1-0.sock'), 54323, 54323);
    await status(recordedOutput(), { json: true });
    assert.equal(asked, 1);
  },
);

test('sockets of killed archives are removed, those of live ones stay, whatever their names', async () => {
  await genuine();
  const dead = await controlSocketOf(1);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(dead, resolve));
  // Node removes the file on close; a killed process leaves it.
  const kept = `${dead}.kept`;
  const { linkSync, readdirSync, renameSync } = await import('node:fs');
  linkSync(dead, kept);
  await new Promise((resolve) => server.close(resolve));
  renameSync(kept, dead);
  assert.equal(readdirSync(join(tmp, `backuppc-b2-${UID}`)).length, 2);
  await controlSocketOf(2);
  assert.equal(readdirSync(join(tmp, `backuppc-b2-${UID}`)).length, 1);
});
