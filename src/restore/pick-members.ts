/** Makes a tar of only the selected members, from the ranges of the stored stream that hold them. */
import type { Format } from '../compression/formats.js';
import { Failure } from '../errors.js';
import { TarReader } from '../tar/reader.js';
import type { DataReader, RangePiece } from './data-reader.js';
import type { Flow } from './flow.js';
import type { Run } from './selection.js';
import type { Sink } from './sink.js';
import { unpack } from './unpack.js';

/** Two blocks of zeros. */
const END_BYTES = 1024;

export interface PickOptions {
  readonly reader: DataReader;
  readonly runs: readonly Run[];
  /** undefined: the stored stream is the tar itself. */
  readonly format: Format | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Writes and finishes. @throws Failure `damaged` if the members are not those in the index */
export async function pickMembers(sink: Sink, options: PickOptions): Promise<void> {
  const { reader, runs, signal } = options;
  const pieces = reader.read(
    runs.map(({ stored }) => stored),
    signal,
  );
  const check = new MemberCheck(runs.flatMap(({ members }) => members.map(({ path }) => path)));
  try {
    for (const run of runs) {
      const stored = new StretchStream(pieces);
      for await (const bytes of wantedOf(tarOf(stored, options), run)) {
        check.push(bytes);
        await sink.write(bytes);
      }
      if (run !== runs.at(-1)) await stored.passBy();
    }
    const end = new Uint8Array(END_BYTES);
    check.push(end);
    check.end();
    await sink.write(end);
    await sink.finish();
  } catch (error) {
    await sink.abort();
    throw error;
  } finally {
    await pieces.return();
  }
}

/** One range of those that a reader gives one behind the other; whoever leaves it early leaves the others alone. */
class StretchStream {
  readonly #pieces: AsyncGenerator<RangePiece, void, undefined>;
  #ended = false;

  constructor(pieces: AsyncGenerator<RangePiece, void, undefined>) {
    this.#pieces = pieces;
  }

  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    while (!this.#ended) {
      const next = await this.#pieces.next();
      if (next.done === true) return;
      this.#ended = next.value.end;
      if (next.value.bytes.length > 0) yield next.value.bytes;
    }
  }

  async *flow(): AsyncGenerator<Flow, void, undefined> {
    for await (const bytes of this.bytes()) yield { kind: 'bytes', bytes };
  }

  /** Skips to the beginning of the next one. */
  async passBy(): Promise<void> {
    const rest = this.bytes();
    while ((await rest.next()).done !== true);
  }
}

async function* tarOf(stored: StretchStream, { format, signal }: PickOptions): AsyncGenerator<Uint8Array> {
  if (format === undefined) yield* stored.bytes();
  else
    for await (const flow of unpack(stored.flow(), format, { signal }))
      if (flow.kind === 'bytes') yield flow.bytes;
}

/** @throws Failure `damaged` when the tar ends before the last wanted member does */
async function* wantedOf(
  tar: AsyncIterable<Uint8Array>,
  { tarFrom, members }: Run,
): AsyncGenerator<Uint8Array> {
  const left = [...members];
  let at = tarFrom;
  for await (const bytes of tar) {
    for (let [next] = left; next !== undefined && next.from < at + bytes.length; [next] = left) {
      yield bytes.subarray(Math.max(0, next.from - at), Math.max(0, next.to - at));
      if (next.to > at + bytes.length) break;
      left.shift();
    }
    at += bytes.length;
    if (left.length === 0) return;
  }
  throw new Failure('damaged', 'the stored tar is shorter than its member index says');
}

/** Checks that the members are those in the index. */
class MemberCheck {
  readonly #expected: readonly Uint8Array[];
  readonly #reader = new TarReader();
  #found = 0;

  constructor(expected: readonly Uint8Array[]) {
    this.#expected = expected;
  }

  push(bytes: Uint8Array): void {
    for (const { path } of this.#reader.push(bytes)) {
      const expected = this.#expected[this.#found];
      // The index ends directories with a slash.
      const same = expected !== undefined && Buffer.compare(path, expected.subarray(0, path.length)) === 0;
      if (!same || expected.length > path.length + 1) throw notAsIndexed();
      this.#found += 1;
    }
    if (this.#reader.state.kind === 'damaged') throw notAsIndexed();
  }

  end(): void {
    if (this.#reader.outcome.kind !== 'whole' || this.#found !== this.#expected.length) throw notAsIndexed();
  }
}

function notAsIndexed(): Failure {
  return new Failure('damaged', 'the members in the tar are not those that the member index has there', {
    hint: 'restore all of it without naming paths',
  });
}
