import type { TarMember } from './member.js';
import { TarReader } from './reader.js';

/** Parses a passing tar once, for everybody who follows its members. */
export class TarWatch {
  readonly reader = new TarReader();
  #members: readonly TarMember[] = [];

  /** Members whose last header block lies in the current slice. */
  get members(): readonly TarMember[] {
    return this.#members;
  }

  push(slice: Uint8Array): void {
    this.#members = this.reader.push(slice);
  }
}
