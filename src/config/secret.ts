import { inspect } from 'node:util';

/** A secret that cannot be printed by accident, whether by a template, as JSON or by logging the object that holds it. */
export class Secret {
  readonly #octets: Uint8Array;

  /** Text is taken as UTF-8. */
  constructor(value: Uint8Array | string) {
    this.#octets = Uint8Array.from(Buffer.from(value));
  }

  /** The secret itself. Call this only where it is used. */
  octets(): Uint8Array {
    return this.#octets;
  }

  /** The same for a secret that is text, such as an application key. */
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
