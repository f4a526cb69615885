import { inspect } from 'node:util';

/** A secret that cannot be printed by accident: not by a template, not by JSON, not by a log of the object that holds it. */
export class Secret {
  readonly #octets: Uint8Array;

  /** Text is taken as UTF-8. */
  constructor(value: Uint8Array | string) {
    this.#octets = Uint8Array.from(Buffer.from(value));
  }

  /** The secret itself. Call it only where it is used. */
  octets(): Uint8Array {
    return this.#octets;
  }

  /** The same, of a secret that is text, such as an application key. */
  reveal(): string {
    return Buffer.from(this.#octets).toString('utf8');
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
