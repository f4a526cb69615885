/** The last stage of a strict restore: passes the tar through, and checks it from end to end. */
import { Failure } from '../errors.js';
import { isOther, TarReader } from '../tar/reader.js';
import type { Flow } from './flow.js';

/**
 * @param tarBytes as the manifest has them; undefined without one
 * @param mayBeOther what is no tar from its first block on is something else, and good if it has that length
 * @throws Failure `damaged` at the end, when everything has been passed on: the tar is cut or damaged, or of another length
 */
export async function* checkedTar(
  flow: AsyncIterable<Flow>,
  tarBytes: number | undefined,
  mayBeOther: boolean,
): AsyncGenerator<Flow> {
  const reader = new TarReader();
  for await (const item of flow) {
    if (item.kind === 'bytes') reader.push(item.bytes);
    yield item;
  }
  if (tarBytes !== undefined && reader.bytes !== tarBytes)
    throw new Failure('damaged', `the tar has ${reader.bytes} bytes, the manifest says ${tarBytes}`);
  if (mayBeOther && tarBytes !== undefined && isOther(reader)) return;
  const { outcome } = reader;
  if (outcome.kind !== 'whole') throw new Failure('damaged', outcome.reason);
}
