/** One request as it came and as it was answered. Filled in while it runs. */
export interface LoggedRequest {
  /** From 1, in the order of arrival. */
  readonly number: number;
  /** `b2_upload_part` …; `unknown` for a path that is none of B2's. */
  readonly operation: string;
  readonly method: string;
  /** 0 for downloads by name. */
  readonly apiVersion: number;
  /** Which TCP connection carried it, from 1. */
  readonly connection: number;
  /** Monotonic ms. */
  readonly startedAtMs: number;
  /** undefined while it runs. */
  endedAtMs: number | undefined;
  /** undefined while it runs, and where the connection ended without an answer. */
  status: number | undefined;
  /** B2's error code. */
  code: string | undefined;
  /** Name of the rule that struck it. */
  fault: string | undefined;
  bytesIn: number;
  bytesOut: number;
  bucketId: string | undefined;
  fileId: string | undefined;
  fileName: string | undefined;
  partNumber: number | undefined;
  /** Of a call with parameters: their names. */
  fields: readonly string[];
}

/** All requests since the start, or since it was cleared. */
export class RequestLog {
  readonly #entries: LoggedRequest[] = [];
  #count = 0;

  begin(
    request: Pick<LoggedRequest, 'operation' | 'method' | 'apiVersion' | 'connection' | 'startedAtMs'>,
  ): LoggedRequest {
    const entry: LoggedRequest = {
      number: ++this.#count,
      ...request,
      endedAtMs: undefined,
      status: undefined,
      code: undefined,
      fault: undefined,
      fields: [],
      bytesIn: 0,
      bytesOut: 0,
      bucketId: undefined,
      fileId: undefined,
      fileName: undefined,
      partNumber: undefined,
    };
    this.#entries.push(entry);
    return entry;
  }

  get entries(): readonly LoggedRequest[] {
    return this.#entries;
  }

  clear(): void {
    this.#entries.length = 0;
  }
}
