import type { Socket } from 'node:net';
import type { Rates } from './rate.js';

/** What we know of one TCP connection. */
export interface Connection {
  /** From 1. */
  readonly number: number;
  readonly pace: ((bytes: number) => number) | undefined;
  /** Requests so far, this one included. */
  requests: number;
}

/** The open connections. */
export class Connections {
  readonly #rates: Rates;
  readonly #open = new Map<Socket, Connection>();
  #count = 0;

  constructor(rates: Rates) {
    this.#rates = rates;
  }

  /** To be called for each request of a socket. */
  of(socket: Socket): Connection {
    let connection = this.#open.get(socket);
    if (connection === undefined) {
      connection = { number: ++this.#count, pace: this.#rates.pace(), requests: 0 };
      this.#open.set(socket, connection);
      socket.once('close', () => this.#open.delete(socket));
    }
    connection.requests += 1;
    return connection;
  }

  resetAll(): void {
    for (const socket of this.#open.keys()) reset(socket);
  }
}

/** Ends the connection with RST, so that the client sees `ECONNRESET`. TLS has no such call: there it just ends. */
export function reset(socket: Socket): void {
  if ('encrypted' in socket) socket.destroy();
  else socket.resetAndDestroy();
}

/** How long a request stands still: for `ms`, or until `until` resolves. Without either: for ever. */
export interface Standstill {
  readonly ms?: number;
  readonly until?: Promise<void>;
}

/** Resolves when the standstill is over, or when the connection has gone. */
export function stall(
  socket: Socket,
  { ms, until }: Standstill,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  const gone = new Promise<void>((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', resolve);
  });
  const over = until ?? (ms === undefined ? undefined : sleep(ms));
  return over === undefined ? gone : Promise.race([gone, over]);
}
