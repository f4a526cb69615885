/** The decompressing stage: compressed flow in, tar flow out, through standard programs. */
import { findRestart, type Format } from '../compression/formats.js';
import { Failure } from '../errors.js';
import type { Child } from '../pipes/child.js';
import type { Flow } from './flow.js';
import { Segments } from './segments.js';
import { type Command, startProgram } from './stock-program.js';

export interface UnpackOptions {
  readonly signal?: AbortSignal | undefined;
  /** Continue after a gap, or after what the program refuses, at the next chunk that can be read by itself. */
  readonly keepGoing?: boolean | undefined;
}

/**
 * Slices of the tar are borrowed until the next pull. `volumeEnd` does not come through: nothing in the tar corresponds to it.
 * @throws Failure `damaged` when the program does not take the stream; what the flow throws
 */
export async function* unpack(
  packed: AsyncIterable<Flow>,
  { decompress, restart, name }: Pick<Format, 'decompress' | 'restart' | 'name'>,
  options: UnpackOptions,
): AsyncGenerator<Flow> {
  const segments = new Segments(packed);
  let through: Through | undefined;
  try {
    for (let first = true; ; first = false) {
      const source = first ? segments.bytes() : await behindDamage(segments, restart);
      if (source === undefined) return;
      through = new Through(decompress, source, options.signal);
      yield* through.output();
      const failure = await through.failure();
      const { ended } = segments;
      if (failure !== undefined && (options.keepGoing !== true || failure.kind !== 'damaged')) throw failure;
      if (options.keepGoing !== true || (ended === 'end' && failure === undefined)) return;
      const reason =
        ended === undefined || ended === 'end' ? (failure?.message ?? `${name} has stopped`) : ended.reason;
      yield { kind: 'gap', bytes: undefined, reason };
      if (ended === 'end') return;
      if (restart !== undefined) continue;
      yield { kind: 'gap', bytes: undefined, reason: `a ${name} stream cannot be read behind damage` };
      return;
    }
  } finally {
    through?.kill();
    await segments.return();
  }
}

/** The rest from the next chunk that can be read by itself; undefined if there is none. */
async function behindDamage(
  segments: Segments,
  restart: Format['restart'],
): Promise<AsyncGenerator<Uint8Array> | undefined> {
  if (restart === undefined) return undefined;
  for (;;) {
    const bytes = segments.bytes();
    // A pattern may lie across two slices.
    let before = Buffer.alloc(0);
    for (;;) {
      const next = await bytes.next();
      if (next.done === true) break;
      const joined = Buffer.concat([before, next.value]);
      const at = findRestart(joined, restart);
      if (at !== -1) return joinedWith(joined.subarray(at), bytes);
      before = joined.subarray(Math.max(0, joined.length - restart.length + 1));
    }
    if (segments.ended === 'end') return undefined;
  }
}

async function* joinedWith(first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

/** One run of the program: fed while its output is read. */
class Through {
  readonly #child: Child;
  readonly #fed: Promise<void>;
  #tookAll = false;
  #sourceError: { readonly error: unknown } | undefined;

  constructor(command: Command, source: AsyncGenerator<Uint8Array>, signal: AbortSignal | undefined) {
    this.#child = startProgram(command, { stdout: 'pipe', kind: 'damaged', signal });
    this.#fed = this.#feed(source);
  }

  async #feed(source: AsyncGenerator<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        const next = await source.next();
        if (next.done === true) break;
        // Not `return()`: the segment continues after what the program did not read.
        if (!(await this.#child.write(next.value))) return;
      }
      this.#tookAll = true;
      this.#child.endInput();
    } catch (error) {
      // A source that fails must not look like one that ends.
      this.#sourceError = { error };
      this.#child.kill();
    }
  }

  async *output(): AsyncGenerator<Flow> {
    try {
      for await (const bytes of this.#child.output as AsyncIterable<Buffer>) yield { kind: 'bytes', bytes };
    } catch (error) {
      // Killed because its source failed: that is the reason.
      if (this.#sourceError === undefined) throw error;
    }
    await this.#fed;
    if (this.#sourceError !== undefined) throw this.#sourceError.error;
  }

  /** Its failure; undefined for success. @throws the reason of the signal that stopped it */
  async failure(): Promise<Failure | undefined> {
    try {
      await this.#child.finished();
    } catch (error) {
      if (error instanceof Failure) return error;
      throw error;
    }
    if (this.#tookAll) return undefined;
    return new Failure('damaged', `${this.#child.name} ended before it had read everything`);
  }

  kill(): void {
    this.#child.kill();
  }
}
