/** Recognises a stream by its first octets, which are right even if its name is wrong. */
import { BEGINNING_BYTES, formatOf, type Format } from '../compression/formats.js';
import { readHeader } from '../tar/header.js';
import type { Flow } from './flow.js';

export interface Recognized {
  /** undefined: an unknown format, or a gap at its beginning. */
  readonly as: 'tar' | Format | undefined;
  /** All of it, from the beginning. */
  readonly flow: AsyncGenerator<Flow>;
}

export async function recognize(flow: AsyncIterable<Flow>): Promise<Recognized> {
  const iterator = flow[Symbol.asyncIterator]();
  const seen: Flow[] = [];
  let beginning = Buffer.alloc(0);
  while (beginning.length < BEGINNING_BYTES) {
    const next = await iterator.next();
    if (next.done === true) break;
    const { value } = next;
    if (value.kind === 'bytes') {
      // Borrowed until the next pull.
      const bytes = Buffer.from(value.bytes);
      seen.push({ kind: 'bytes', bytes });
      beginning = Buffer.concat([beginning, bytes.subarray(0, BEGINNING_BYTES)]);
    } else {
      seen.push(value);
      if (value.kind === 'gap') break;
    }
  }
  return { as: kindOf(beginning.subarray(0, BEGINNING_BYTES)), flow: rejoined(seen, iterator) };
}

function kindOf(beginning: Uint8Array): Recognized['as'] {
  const isTar = beginning.length === BEGINNING_BYTES && readHeader(beginning) !== undefined;
  return isTar ? 'tar' : formatOf(beginning);
}

async function* rejoined(seen: readonly Flow[], rest: AsyncIterator<Flow>): AsyncGenerator<Flow> {
  try {
    yield* seen;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}
