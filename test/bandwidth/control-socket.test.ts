import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Failure } from '../../src/errors.js';
import { askControl, controlSockets, serveControl } from '../../src/bandwidth/control-socket.js';

describe('the control socket', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'control-'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });

  it('answers commands, carries failures over, and is gone when closed', async () => {
    const path = join(folder, 'one.sock');
    const control = await serveControl(path, {
      echo: (request) => request['text'],
      later: () => Promise.resolve({ rate: 1 }),
      nothing: () => undefined,
      wrong: () => {
        throw new Failure('usage', 'no such rate', { hint: 'write 8Mbit' });
      },
    });
    try {
      assert.equal(await askControl(path, { command: 'echo', text: 'ä "line"\nbreak' }), 'ä "line"\nbreak');
      assert.deepEqual(await askControl(path, { command: 'later' }), { rate: 1 });
      assert.equal(await askControl(path, { command: 'nothing' }), null);
      await assert.rejects(
        askControl(path, { command: 'wrong' }),
        (error) =>
          error instanceof Failure &&
          error.kind === 'usage' &&
          error.message === 'no such rate' &&
          error.hint === 'write 8Mbit',
      );
      await assert.rejects(askControl(path, { command: 'toString' }), /knows no command "toString"/);
      assert.deepEqual(await controlSockets(folder), [path]);
    } finally {
      await control.close();
    }
    assert.deepEqual(await readdir(folder), []);
    await assert.rejects(
      askControl(path, { command: 'echo' }),
      (error) => error instanceof Failure && error.kind === 'notFound',
    );
  });

  it('is open to its owner alone', async () => {
    const path = join(folder, 'mode.sock');
    const mask = process.umask(0);
    const control = await serveControl(path, {});
    try {
      assert.equal(process.umask(mask), 0);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
    } finally {
      await control.close();
    }
  });

  it('speaks lines of JSON, several on one connection, and survives anything else', async () => {
    const path = join(folder, 'lines.sock');
    const control = await serveControl(path, { ping: () => 'pong' });
    try {
      const socket = createConnection(path);
      socket.setEncoding('utf8');
      let heard = '';
      socket.on('data', (text: string) => {
        heard += text;
        if (heard.split('\n').length > 4) socket.end();
      });
      socket.write('nonsense\n{"command":1}\n{"command":"pi');
      socket.write('ng"}\n{"command":"ping"}\n');
      await once(socket, 'close');
      assert.deepEqual(
        heard
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as { ok: boolean; message?: string }).message ?? 'ok'),
        ['the request is not JSON', 'the request names no command', 'ok', 'ok'],
      );
      const endless = createConnection(path);
      endless.on('error', () => undefined);
      endless.write('x'.repeat(200_000));
      await new Promise((resolve) => endless.once('close', resolve));
      assert.equal(await askControl(path, { command: 'ping' }), 'pong');
    } finally {
      await control.close();
    }
  });

  it('takes the place of a dead process, not of a live one', async () => {
    const path = join(folder, 'stale.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    await promisify(execFile)(process.execPath, ['-e', script]).catch(() => undefined);
    assert.deepEqual(await controlSockets(folder), [path]);
    await assert.rejects(
      askControl(path, { command: 'x' }),
      (error) => error instanceof Failure && error.kind === 'notFound',
    );
    const control = await serveControl(path, { ping: () => 'pong' });
    try {
      await assert.rejects(
        serveControl(path, {}),
        (error) => error instanceof Failure && error.kind === 'locked',
      );
      assert.equal(await askControl(path, { command: 'ping' }), 'pong');
    } finally {
      await control.close();
    }
  });

  it('says clearly why it cannot serve or is not answered', async () => {
    await assert.rejects(
      serveControl(join(folder, 'x'.repeat(120)), {}),
      (error) => error instanceof Failure && error.kind === 'config',
    );
    await assert.rejects(
      serveControl(join(folder, 'none', 'x.sock'), {}),
      (error) => error instanceof Failure && error.kind === 'local',
    );
    await writeFile(join(folder, 'plain'), '');
    await assert.rejects(
      serveControl(join(folder, 'plain'), {})
        .then((control) => control.close())
        .then(() => {
          throw new Failure('local', 'replaced');
        }),
      Failure,
    );
    assert.deepEqual(await controlSockets(join(folder, 'none')), []);
    const path = join(folder, 'mute.sock');
    const mute = createServer((socket) => socket.resume()).listen(path);
    await once(mute, 'listening');
    await assert.rejects(
      askControl(path, { command: 'x' }, 20),
      (error) => error instanceof Failure && error.kind === 'unavailable',
    );
    mute.close();
  });
});
