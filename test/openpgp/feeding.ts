/** Byte streams, cut in every way a parser must bear. */
export async function* cut(
  bytes: Uint8Array,
  sizes: Iterable<number>,
): AsyncGenerator<Uint8Array, void, void> {
  let at = 0;
  for (const size of sizes) {
    if (at >= bytes.length) return;
    await Promise.resolve();
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

export function* always(size: number): Generator<number, void, void> {
  for (;;) yield size;
}

export function whole(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  return cut(bytes, [bytes.length]);
}

/** What a stream gave before it ended or failed. */
export interface Outcome {
  readonly data: Buffer;
  readonly error: unknown;
}

export async function drain(source: AsyncIterable<Uint8Array>): Promise<Outcome> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of source) pieces.push(Uint8Array.from(piece));
  } catch (error) {
    return { data: Buffer.concat(pieces), error };
  }
  return { data: Buffer.concat(pieces), error: undefined };
}
