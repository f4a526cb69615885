/**
 * A socket as a pulled source of bytes: one buffer that the system reads into, lent to the consumer until it asks for more.
 *
 * Node's `onread` hands out the same buffer for every read, and reading stops while the consumer has it. Beside `for await` over the
 * stream this halves the CPU time per byte (no allocation, no garbage, larger reads) and holds one buffer instead of a queue.
 */
import { Socket, type OnReadOpts, type SocketConstructorOpts } from 'node:net';

const READ_BYTES = 512 * 1024;

export class BorrowedReader implements AsyncIterableIterator<Uint8Array<ArrayBuffer>> {
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #socket: Socket | undefined;
  #length = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void) | undefined;

  /** Give this to the constructor of the socket, then `attach` the socket. */
  readonly onread: OnReadOpts = {
    buffer: this.#buffer,
    callback: (length) => {
      this.#length = length;
      this.#wake?.();
      return false;
    },
  };

  attach(socket: Socket): void {
    this.#socket = socket;
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    // 'end' is not emitted when the socket is destroyed; 'close' always is.
    const end = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    socket.on('end', end);
    socket.on('close', end);
  }

  /** Standard input, or another file descriptor that is a pipe or socket. */
  static ofDescriptor(fd: number): BorrowedReader {
    const reader = new BorrowedReader();
    // `onread` is documented for this constructor since Node 12, but missing in its types.
    const options: SocketConstructorOpts & { onread: OnReadOpts } = {
      fd,
      readable: true,
      writable: false,
      onread: reader.onread,
    };
    reader.attach(new Socket(options));
    return reader;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array<ArrayBuffer>, undefined>> {
    for (;;) {
      if (this.#length > 0) {
        const value = this.#buffer.subarray(0, this.#length);
        this.#length = 0;
        return { done: false, value };
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended) return { done: true, value: undefined };
      this.#socket?.resume();
      await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = undefined;
    }
  }

  return(): Promise<IteratorResult<Uint8Array<ArrayBuffer>, undefined>> {
    this.destroy();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Closes the reading end: a writer gets SIGPIPE, a waiting consumer gets the end. */
  destroy(): void {
    this.#ended = true;
    this.#length = 0;
    this.#socket?.destroy();
    this.#wake?.();
  }
}
