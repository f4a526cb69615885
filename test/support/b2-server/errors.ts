/** An answer other than success, as B2 gives it: status, code and message in the body (`B2 API: Calling the API, Errors`). */
export class B2Error extends Error {
  override readonly name = 'B2Error';
  readonly status: number;
  readonly code: string;
  /** Seconds for the `Retry-After` header. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, code: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The answer although the body is still on its way; the rest is read for nothing. */
export class EarlyAnswer extends B2Error {
  constructor({ status, code, message, retryAfterSeconds }: B2Error) {
    super(status, code, message, retryAfterSeconds);
  }
}

/** Not B2 at all: a page of whatever stands between. */
export class ForeignPage extends B2Error {
  constructor(status: number) {
    super(status, '', 'a page of HTML');
  }
}

export function badRequest(message: string): B2Error {
  return new B2Error(400, 'bad_request', message);
}

export function notFound(message: string): B2Error {
  return new B2Error(404, 'not_found', message);
}

/** A valid token that may not do this. B2 says 401 here, not 403. */
export function unauthorized(message: string): B2Error {
  return new B2Error(401, 'unauthorized', message);
}

/** The connection went away, or a fault took it: there is nobody left to answer. */
export class ConnectionGone extends Error {
  override readonly name = 'ConnectionGone';
}
