import { B2Error, badRequest } from './errors.js';

type Values = Readonly<Record<string, unknown>>;

/** Parameters of one call, from the JSON body or the query. `null` is the same as absent: b2sdk sends it for what is not set. */
export class Params {
  readonly #values: Values;

  constructor(values: Values) {
    this.#values = values;
  }

  /** `query`: what the path carries besides; the body wins. */
  static ofJson(text: string, query = new URLSearchParams()): Params {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      throw new B2Error(400, 'bad_json', 'request body is not JSON');
    }
    if (!isObject(parsed)) throw new B2Error(400, 'bad_json', 'request body is not a JSON object');
    return new Params({ ...Object.fromEntries(query), ...parsed });
  }

  static ofQuery(query: URLSearchParams): Params {
    return new Params(Object.fromEntries(query));
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  string(name: string): string {
    const value = this.optionalString(name);
    if (value === undefined) throw badRequest(`required field ${name} is missing`);
    return value;
  }

  optionalString(name: string): string | undefined {
    if (!this.has(name)) return undefined;
    const value = this.#values[name];
    if (typeof value !== 'string') throw badRequest(`${name} must be a string`);
    return value;
  }

  /** A whole number; digits in a string count, since queries carry nothing else. */
  optionalInteger(name: string): number | undefined {
    if (!this.has(name)) return undefined;
    const value = Number(this.#values[name]);
    if (!Number.isSafeInteger(value)) throw badRequest(`${name} must be an integer`);
    return value;
  }

  integer(name: string): number {
    const value = this.optionalInteger(name);
    if (value === undefined) throw badRequest(`required field ${name} is missing`);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#values[name];
    return value === true || value === 'true';
  }

  optionalObject(name: string): Params | undefined {
    if (!this.has(name)) return undefined;
    const value = this.#values[name];
    if (!isObject(value)) throw badRequest(`${name} must be an object`);
    return new Params(value);
  }

  optionalList(name: string): readonly unknown[] | undefined {
    if (!this.has(name)) return undefined;
    const value = this.#values[name];
    if (Array.isArray(value)) return value as readonly unknown[];
    if (typeof value === 'string') return value.split(',');
    throw badRequest(`${name} must be a list`);
  }

  /** One element of a list of objects. */
  element(name: string, index: number): Params {
    const value = this.optionalList(name)?.[index];
    if (!isObject(value)) throw badRequest(`${name} must be a list of objects`);
    return new Params(value);
  }

  optionalStringList(name: string): readonly string[] | undefined {
    return this.optionalList(name)?.map((entry) => {
      if (typeof entry !== 'string') throw badRequest(`${name} must be a list of strings`);
      return entry;
    });
  }

  /** A map of strings, such as fileInfo or bucketInfo. */
  stringMap(name: string): Record<string, string> {
    const map = this.optionalObject(name);
    return Object.fromEntries((map?.names() ?? []).map((key) => [key, map?.string(key) ?? '']));
  }

  names(): string[] {
    return Object.keys(this.#values);
  }

  /** The value as it came, for what is kept and given back unread (lifecycle rules, CORS rules). */
  raw(name: string): unknown {
    return this.#values[name];
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
