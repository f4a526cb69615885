/** The one place that knows which stores there are. */
import { openB2 } from '../b2/open.js';
import type { B2Options } from '../b2/options.js';
import type { ObjectStore } from './store.js';

export type StoreOptions = B2Options;

/** @throws Failure `config`, `denied`, `cap` or `unavailable` */
export function openStore(options: StoreOptions): Promise<ObjectStore> {
  return openB2(options);
}
