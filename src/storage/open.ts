import { openB2 } from '../b2/store.js';
import type { B2Options } from '../b2/options.js';
import type { ObjectStore } from './store.js';

export function openStore(options: B2Options): Promise<ObjectStore> {
  return openB2(options);
}
