/**
 * Frees a buffer now instead of at the next garbage collection.
 *
 * `cipher.update()` allocates its result. Left to the collector, 40 MB of results accumulate in each worker, all in cold memory. Transferred
 * to a closed port, the memory is freed at once and the allocator reuses the same warm pages: 71 instead of 100 MB resident with one worker,
 * and 1.5 times as fast.
 */
import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** Smaller results matter little. */
const SMALL_BYTES = 8192;

/** A port keeps messages until it has really closed. */
async function closedPort(): Promise<MessagePort> {
  const { port1, port2 } = new MessageChannel();
  const closed = once(port1, 'close');
  port1.ref();
  port2.close();
  await closed;
  return port1;
}

let nowhere: MessagePort | undefined;

/** Settled moments after this module is loaded: from then on, `discard` works. */
export const discarding: Promise<void> = closedPort().then((port) => {
  nowhere = port;
});

/** Detaches `bytes`, unless they are few or only part of their ArrayBuffer (as in Node's pool). */
export function discard(bytes: Uint8Array<ArrayBuffer>): void {
  if (bytes.length > SMALL_BYTES && bytes.length === bytes.buffer.byteLength)
    nowhere?.postMessage(undefined, [bytes.buffer]);
}
