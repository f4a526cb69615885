/**
 * What to do about a call to the store that failed: one pure table for every operation. Nobody else retries.
 * B2's own words for trouble are translated into these in `src/b2/translate.ts`.
 */
import type { FailureKind } from '../../errors.js';

/** What went wrong with one attempt, in words that fit any store. */
export type TroubleKind =
  /** Could not connect, connection reset or broken. */
  | 'network'
  /** The server took the request, and its answer makes no sense. */
  | 'unreadable'
  /** We broke it off: no byte was accepted, or no answer came, for too long. */
  | 'stalled'
  /** The server waited too long for us (408). */
  | 'request-timeout'
  /** The server failed or is busy (5xx). On an upload it means: this URL, not the store. */
  | 'server-error'
  /** The place that holds all parts of this large file has no room left. */
  | 'full'
  /** Too many requests (429). */
  | 'slow-down'
  /** The token in use is not valid any more. */
  | 'token-expired'
  /** The upload URL still serves an earlier upload. */
  | 'endpoint-in-use'
  /** What arrived, or what was confirmed, has another SHA-1 or length than what we sent. */
  | 'damaged'
  /** The large file is not there any more: finished or cancelled. */
  | 'gone'
  /** Final: trying again cannot help. `refusal` says why. */
  | 'refused';

export interface Refusal {
  readonly kind: FailureKind;
  readonly message: string;
  readonly hint: string | undefined;
}

export interface Trouble {
  readonly kind: TroubleKind;
  /** What was seen, one line, for the log: `503 service_unavailable: too busy`. */
  readonly reason: string;
  /** ms, where the server asked for a pause. */
  readonly retryAfterMs?: number | undefined;
  readonly refusal?: Refusal | undefined;
  /** As the store answered, where it did: a few calls take some refusals for an answer. */
  readonly status?: number;
  readonly code?: string;
}

/** Which kind of call failed: what can be changed before the next try differs. */
export type Stage =
  /** Getting an account token: no other token to fall back to. */
  | 'authorize'
  /** A call to the API with the account token. */
  | 'control'
  /** The same, about one large file: its parts' URLs, its finish. */
  | 'volume'
  /** A body sent to an upload URL: a whole object, or a part of a large file. */
  | 'object'
  | 'part'
  /** A copy inside the store: what it would have brought can be sent instead. */
  | 'copy'
  | 'download';

export interface Attempt {
  readonly stage: Stage;
  readonly trouble: Trouble;
  /** Failed attempts since the last progress, this one included; at least 1. */
  readonly spent: number;
  /** Attempts in a row with this kind of trouble, each on another URL; at least 1. */
  readonly distinctUrls: number;
  /** Failed attempts of this kind in all, whatever the progress; at least 1. */
  readonly sameTrouble: number;
  /** How many failed attempts without progress are too many. */
  readonly budget: number;
}

export type Decision =
  | {
      readonly action: 'retry';
      /** For uploads: keep the upload URL, or drop it and ask for another one. */
      readonly endpoint: 'same' | 'new';
      readonly pauseMs: number;
      /** The pause holds for every connection. */
      readonly forAll: boolean;
      /** Get a new account token first, once for all who need it. */
      readonly authorize: boolean;
    }
  /** Cancel the large file and begin the volume anew. */
  | { readonly action: 'begin-anew'; readonly reason: string }
  | { readonly action: 'stop'; readonly refusal: Refusal };

interface Rule {
  readonly endpoint: 'same' | 'new';
  /** Tries that need no pause, by whether an upload URL can be changed. */
  readonly prompt: { readonly upload: number; readonly other: number };
  readonly forAll: boolean;
  /** Failures of this kind after which no progress elsewhere helps. */
  readonly limit: number;
  /** What to tell when all tries are used up. */
  readonly hint: string;
}

const AGAIN = 'Nothing that B2 confirmed is lost: the next run goes on from there.';
const NETWORK = `Check the network, the name server and HTTPS_PROXY/NO_PROXY. ${AGAIN}`;
const BUSY = `B2 is busy or out of order; see https://status.backblaze.com. ${AGAIN}`;
const ENDLESS = Number.POSITIVE_INFINITY;

/** One row for each trouble that another try can cure. */
export const RETRY_RULES: Readonly<Record<Exclude<TroubleKind, 'gone' | 'refused'>, Rule>> = {
  network: { endpoint: 'new', prompt: { upload: 1, other: 0 }, forAll: false, limit: ENDLESS, hint: NETWORK },
  unreadable: {
    endpoint: 'new',
    prompt: { upload: 1, other: 0 },
    forAll: false,
    limit: 5,
    hint: 'Check that the endpoint speaks the B2 native API (not S3), and that no proxy changes its answers.',
  },
  stalled: { endpoint: 'new', prompt: { upload: 1, other: 0 }, forAll: false, limit: ENDLESS, hint: NETWORK },
  'request-timeout': {
    endpoint: 'new',
    prompt: { upload: 0, other: 0 },
    forAll: false,
    limit: ENDLESS,
    hint: NETWORK,
  },
  'server-error': {
    endpoint: 'new',
    prompt: { upload: 1, other: 0 },
    forAll: false,
    limit: ENDLESS,
    hint: BUSY,
  },
  full: { endpoint: 'new', prompt: { upload: 1, other: 0 }, forAll: false, limit: ENDLESS, hint: BUSY },
  'slow-down': {
    endpoint: 'same',
    prompt: { upload: 0, other: 0 },
    forAll: true,
    limit: ENDLESS,
    hint: `B2 limits the rate of requests of this account. Use fewer --connections or fewer runs at once. ${AGAIN}`,
  },
  'token-expired': {
    endpoint: 'new',
    prompt: { upload: 2, other: 2 },
    forAll: false,
    limit: ENDLESS,
    hint: 'B2 gives tokens that it does not accept itself. Check the clock of this machine and the application key.',
  },
  'endpoint-in-use': {
    endpoint: 'new',
    prompt: { upload: 2, other: 0 },
    forAll: false,
    limit: ENDLESS,
    hint: BUSY,
  },
  damaged: {
    endpoint: 'new',
    prompt: { upload: 1, other: 0 },
    forAll: false,
    limit: 5,
    hint: 'Bytes change on the way to B2: check the memory of this machine, its network card and any proxy.',
  },
};

const MAY_BE_LOST: ReadonlySet<TroubleKind> = new Set([
  'network',
  'unreadable',
  'stalled',
  'request-timeout',
  'server-error',
  'full',
]);

/** Whether the call may have worked all the same: only the answer is known to be missing. */
export function answerMayBeLost({ kind }: Trouble): boolean {
  return MAY_BE_LOST.has(kind);
}

/** That many upload URLs that say "full" mean that the whole vault is: B2's advice is to try five. */
export const FULL_URLS = 5;
/** That many upload URLs in a row that only say "busy" for one part: the vault is as good as full. */
export const BUSY_URLS = 12;

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 64_000;
/** A server that asks for more than this is asked again earlier, so that a wrong header cannot stop a night's run. */
const LONGEST_RETRY_AFTER_MS = 15 * 60_000;

/**
 * Exponential pause with jitter: between one half and the whole of 1, 2, 4 … 64 s.
 * @param nth - 1 for the first pause
 * @param random - in [0, 1)
 */
export function backoffMs(nth: number, random: number): number {
  const whole = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(nth - 1, 16));
  return Math.round(whole * (0.5 + random / 2));
}

/** The decision. `random` in [0, 1) spreads the pauses of many connections. */
export function decide(attempt: Attempt, random: number): Decision {
  const { stage, trouble, spent } = attempt;
  const upload = stage === 'part' || stage === 'object';
  const ofVolume = stage === 'part' || stage === 'volume';

  if (trouble.kind === 'refused' || (trouble.kind === 'gone' && !ofVolume)) {
    return stop(trouble.refusal ?? { kind: 'denied', message: trouble.reason, hint: undefined });
  }
  if (trouble.kind === 'gone') return { action: 'begin-anew', reason: trouble.reason };
  if (trouble.kind === 'token-expired' && stage === 'authorize') {
    return stop({
      kind: 'denied',
      message: `B2 does not accept the application key: ${trouble.reason}`,
      hint: undefined,
    });
  }
  if (ofVolume && trouble.kind === 'full' && attempt.distinctUrls >= FULL_URLS) {
    return { action: 'begin-anew', reason: `${trouble.reason} (from ${attempt.distinctUrls} upload URLs)` };
  }
  if (stage === 'part' && trouble.kind === 'server-error' && attempt.distinctUrls >= BUSY_URLS) {
    return { action: 'begin-anew', reason: `${trouble.reason} (from ${attempt.distinctUrls} upload URLs)` };
  }

  const rule = RETRY_RULES[trouble.kind];
  if (spent >= attempt.budget || attempt.sameTrouble >= rule.limit) {
    const tries = Math.max(spent, attempt.sameTrouble);
    return stop({ kind: 'unavailable', message: `${trouble.reason} (${tries} tries)`, hint: rule.hint });
  }

  const prompt = upload ? rule.prompt.upload : rule.prompt.other;
  const nth = spent - prompt;
  const ownPauseMs = nth >= 1 ? backoffMs(nth, random) : 0;
  const askedMs = Math.min(trouble.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
  // A busy upload URL speaks for itself only: B2 wants another URL at once, whatever its Retry-After says.
  const honoured = upload && trouble.kind !== 'slow-down' && nth < 1 ? 0 : askedMs;
  return {
    action: 'retry',
    endpoint: rule.endpoint,
    // Jitter on top of what was asked for, so that the connections do not all come back in the same instant.
    pauseMs: honoured > ownPauseMs ? Math.round(honoured * (1 + random / 10)) : ownPauseMs,
    forAll: rule.forAll || (honoured > 0 && !upload),
    authorize: trouble.kind === 'token-expired' && !upload,
  };
}

function stop(refusal: Refusal): Decision {
  return { action: 'stop', refusal };
}
