/** Divides a flow at its gaps: each segment is read to its end before the next begins. */
import type { Flow, Gap } from './flow.js';

/** How a segment ended: at a gap, or with the flow. */
export type SegmentEnd = Gap | 'end';

export class Segments {
  readonly #flow: AsyncIterator<Flow>;
  #ended: SegmentEnd | undefined;

  constructor(flow: AsyncIterable<Flow>) {
    this.#flow = flow[Symbol.asyncIterator]();
  }

  /** Bytes up to the next gap, borrowed from the flow. A segment that was left early can be continued. */
  async *bytes(): AsyncGenerator<Uint8Array> {
    this.#ended = undefined;
    for (;;) {
      const next = await this.#flow.next();
      if (next.done === true) {
        this.#ended = 'end';
        return;
      }
      const { value } = next;
      if (value.kind === 'gap') {
        this.#ended = value;
        return;
      }
      if (value.kind === 'bytes') yield value.bytes;
    }
  }

  /** undefined while the segment has not been read to its end. */
  get ended(): SegmentEnd | undefined {
    return this.#ended;
  }

  async return(): Promise<void> {
    await this.#flow.return?.();
  }
}
