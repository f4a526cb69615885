import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { tcpProbe } from '../../src/bandwidth/delay-probe.js';
import { LOWER_EFFORT, markLowerEffort } from '../../src/bandwidth/lower-effort.js';

describe('the delay probe', () => {
  it('measures a handshake, sends nothing and leaves no connection', async () => {
    const server = createServer();
    let bytes = 0;
    server.on('connection', (socket) => {
      socket.on('data', (data) => (bytes += data.length));
      socket.on('error', () => undefined);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const probe = tcpProbe('127.0.0.1', (server.address() as AddressInfo).port);
    for (let round = 0; round < 5; round++) {
      const ms = await probe(new AbortController().signal);
      assert.ok(ms > 0 && ms < 1000);
    }
    server.close();
    await once(server, 'close');
    assert.equal(bytes, 0);
  });

  it('counts a refusal as an answer', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    assert.ok((await tcpProbe('127.0.0.1', port)(new AbortController().signal)) < 1000);
  });

  it('rejects for a name that does not resolve, and when aborted', async () => {
    await assert.rejects(tcpProbe('no-such-host.invalid', 443)(new AbortController().signal));
    const reason = new Error('enough');
    await assert.rejects(tcpProbe('127.0.0.1', 9)(AbortSignal.abort(reason)), reason);
  });
});

describe('the lower-effort mark', () => {
  it('is set where Node can, and is a courtesy elsewhere', () => {
    const set: number[] = [];
    assert.equal(markLowerEffort({ setTypeOfService: (value: number) => set.push(value) }), true);
    assert.deepEqual(set, [LOWER_EFFORT]);
    assert.equal(LOWER_EFFORT >> 2, 1);
    assert.equal(markLowerEffort({}), false);
    assert.equal(
      markLowerEffort({
        setTypeOfService: () => {
          throw new Error('EPERM');
        },
      }),
      false,
    );
    const socket = new Socket();
    assert.equal(markLowerEffort(socket), 'setTypeOfService' in socket);
    socket.destroy();
  });
});
