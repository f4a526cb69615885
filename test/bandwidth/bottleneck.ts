/**
 * A narrow link with a tail-drop queue, in steps of a millisecond: what `auto` has to live with. Others use it too: a steady stream, or
 * a greedy TCP (CUBIC, RFC 9438) that fills whatever buffer there is.
 */
export interface LinkOptions {
  /** Bytes per second. */
  readonly rate: number;
  /** Bytes that may queue. */
  readonly bufferBytes: number;
  /** Round trip of the empty road, ms, as it changes. */
  readonly baseMs: (atMs: number) => number;
}

export class Link {
  readonly #options: LinkOptions;
  nowMs = 0;
  queueBytes = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get rate(): number {
    return this.#options.rate;
  }

  get queueMs(): number {
    return (this.queueBytes / this.#options.rate) * 1000;
  }

  get rttMs(): number {
    return this.#options.baseMs(this.nowMs) + this.queueMs;
  }

  /** One millisecond: takes what arrives; returns the share of each that went into the queue (1 = nothing was dropped). */
  step(arrivingBytes: number): number {
    this.nowMs += 1;
    const room = this.#options.bufferBytes - this.queueBytes + this.#options.rate / 1000;
    const accepted = Math.min(arrivingBytes, room);
    this.queueBytes = Math.max(0, this.queueBytes + accepted - this.#options.rate / 1000);
    return arrivingBytes === 0 ? 1 : accepted / arrivingBytes;
  }
}

const SEGMENT = 1448;

/** A bulk TCP sender with CUBIC's window. */
export class GreedyTcp {
  #window = 10 * SEGMENT;
  #slowStart = true;
  #lossWindow = 0;
  #lossMs = 0;
  #recoverMs = 0;

  /** Bytes offered in this millisecond. */
  offer(link: Link): number {
    return this.#window / link.rttMs;
  }

  /** What became of them. */
  settle(share: number, link: Link): void {
    const offered = this.#window / link.rttMs;
    if (share < 1 && link.nowMs >= this.#recoverMs) {
      this.#lossWindow = this.#window;
      this.#window *= 0.7;
      this.#lossMs = link.nowMs;
      this.#recoverMs = link.nowMs + link.rttMs;
      this.#slowStart = false;
    } else if (this.#slowStart) {
      this.#window += offered;
    } else {
      const seconds = (link.nowMs - this.#lossMs) / 1000;
      const peak = this.#lossWindow / SEGMENT;
      const target = 0.4 * (seconds - Math.cbrt((peak * 0.3) / 0.4)) ** 3 + peak;
      this.#window = Math.max(this.#window, target * SEGMENT);
    }
  }
}
