import { lookup } from 'node:dns/promises';
import { createConnection } from 'node:net';
import { Failure } from '../errors.js';

/**
 * Measures one round trip on the path that the uploads take, in ms. Rejects if no answer came (with the signal's reason if aborted).
 * The control law of `auto` sees nothing else of the world.
 */
export type DelayProbe = (signal: AbortSignal) => Promise<number>;

/**
 * Measures the time of a TCP handshake with `host:port`, then resets the connection.
 *
 * Why a handshake: a SYN waits in the same bottleneck queue as our data, the remote kernel answers it rather than a busy server, it needs
 * neither privileges nor another program, passes every firewall that lets the uploads through, costs about 120 bytes and is not a B2
 * transaction. `ping` needs a program and is often filtered; Node gives no access to TCP_INFO; pinging the gateway would miss the queue
 * that matters, which is beyond it. A refusal is an answer too: it took a round trip.
 */
export function tcpProbe(host: string, port: number): DelayProbe {
  let address: Promise<{ address: string; family: number }> | undefined;
  return async (signal) => {
    signal.throwIfAborted();
    try {
      // Keep the address as long as it answers: another one would have a different round trip.
      const target = await (address ??= lookup(host));
      return await handshakeMs(target.address, port, signal);
    } catch (error) {
      if (!signal.aborted) address = undefined;
      throw error;
    }
  };
}

function handshakeMs(host: string, port: number, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const startMs = performance.now();
    const socket = createConnection({ host, port });
    const settle = (finish: () => void) => {
      signal.removeEventListener('abort', abandon);
      socket.resetAndDestroy();
      finish();
    };
    const answered = () => {
      const ms = performance.now() - startMs;
      settle(() => {
        resolve(ms);
      });
    };
    const abandon = () => {
      settle(() => {
        // The caller gets its own reason back.
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
        reject(signal.reason);
      });
    };
    signal.addEventListener('abort', abandon, { once: true });
    socket.once('connect', answered);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') answered();
      else
        settle(() => {
          reject(new Failure('unavailable', `no round trip to ${host}: ${error.message}`, { cause: error }));
        });
    });
  });
}
