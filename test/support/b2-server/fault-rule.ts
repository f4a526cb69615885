import type { Standstill } from './connections.js';

/** What goes wrong. `afterBytes` counts the body that travels: the client's on uploads and calls, ours on downloads. */
export type Fault =
  /** This answer and nothing done. 401 `expired_auth_token` and `bad_auth_token` also end the token's life. `early`: answered before the body is read; then the connection is closed, or the rest of the body is read and thrown away. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly code?: string;
      readonly message?: string;
      readonly retryAfterSeconds?: number;
      readonly early?: 'close' | 'drain';
      readonly afterBytes?: number;
    }
  /** A page of HTML instead of an answer, and nothing done: what a proxy, a filter or a hotel's login puts in B2's place. */
  | { readonly kind: 'page'; readonly status: number }
  /** All is done as asked, and the answer is `{}`. */
  | { readonly kind: 'empty-answer' }
  /** The connection is reset: `before` the body is read, after `afterBytes` of it (default: half), or `after` it came and before it is stored. */
  | { readonly kind: 'reset'; readonly when: 'before' | 'body' | 'after'; readonly afterBytes?: number }
  /** Nothing moves any more (default: for ever): inside the body, or with everything done and the answer missing. */
  | ({
      readonly kind: 'stall';
      readonly when: 'body' | 'answer';
      readonly afterBytes?: number;
    } & Standstill)
  /** All is done as asked, then the connection is reset instead of an answer. */
  | { readonly kind: 'lost-answer' }
  /** The answer shows another SHA-1 than that of the bytes. */
  | { readonly kind: 'wrong-sha1' }
  /** The large file is in a full vault: from now on every URL and every part of it gets 503. */
  | { readonly kind: 'full-vault' }
  /** One bit of a download is flipped. */
  | { readonly kind: 'flip-bit'; readonly afterBytes?: number }
  /** The answer comes so much later. */
  | { readonly kind: 'delay'; readonly ms: number };

/** Which requests, and how many of them. Counts are among the requests that match, from 1. Without any of nth, from, every, probability: all. */
export interface FaultRule {
  /** Shown by `fired`; default: what the rule says. */
  readonly name?: string;
  /** `b2_upload_part`, `b2_finish_large_file` …, with or without `b2_`; a list; or `*`. */
  readonly on: string | readonly string[];
  /** Only files of this name; `*` stands for any characters. */
  readonly file?: string;
  readonly nth?: number | readonly number[];
  /** This one and all after it. */
  readonly from?: number;
  /** Every so many. */
  readonly every?: number;
  /** 0 to 1, by the seed. */
  readonly probability?: number;
  /** At most so often. */
  readonly times?: number;
  readonly fault: Fault;
}
