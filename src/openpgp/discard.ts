/**
 * Frees a buffer now instead of at the next garbage collection.
 *
 * `cipher.update()` allocates its result. Left to the collector, 40 MB of results pile up in each worker before they are
 * freed, and every one is written to fresh, cold memory. Transferred to a port that nobody listens to, the memory is free
 * at once and the allocator hands out the same, warm pages again: measured 71 instead of 100 MB resident with one worker, and
 * no slower, often a third faster.
 */
import { MessageChannel, type MessagePort } from 'node:worker_threads';

/** Smaller results may share Node's buffer pool, which cannot be transferred, and matter little. */
const SMALL_BYTES = 8192;

function closedPort(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port2.close();
  return port1;
}

const nowhere = closedPort();
nowhere.unref();

/** `bytes` is detached, with everything else that shares its ArrayBuffer. */
export function discard(bytes: Uint8Array<ArrayBuffer>): void {
  if (bytes.buffer.byteLength > SMALL_BYTES) nowhere.postMessage(undefined, [bytes.buffer]);
}
