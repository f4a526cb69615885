import type { TarMember } from './member.js';
import { TarReader } from './reader.js';

/** The members of a tar, slice by slice, for all who follow it on its way: it is parsed once. */
export class TarWatch {
  readonly reader = new TarReader();
  #members: readonly TarMember[] = [];

  /** Those whose last header block lies in the slice that passes now. */
  get members(): readonly TarMember[] {
    return this.#members;
  }

  push(slice: Uint8Array): void {
    this.#members = this.reader.push(slice);
  }
}
