/**
 * What to do about a call to the store that failed: one pure table for every operation. Nobody else retries.
 * B2's own words for trouble are translated into these in `src/b2/translate.ts`.
 */
import type { FailureKind } from '../../errors.js';

/** What went wrong with one attempt, in words that fit any store. */
export type TroubleKind =
  /** Could not connect, connection reset or broken, body cut short. */
  | 'network'
  /** The answer is not the store's or makes no sense: a proxy, a filter, another service, missing fields. */
  | 'foreign-answer'
  /** We aborted it: no byte was accepted, or no answer came, for too long. */
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
  /** The login was refused. Before the first login: a wrong key. Later in a run: the store has been seen to do that by mistake. */
  | 'key-refused'
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
  /** The store's answer, if there was one: some calls treat certain refusals as an answer. */
  readonly status?: number;
  readonly code?: string;
}

/** Which kind of call failed: what can be changed before the next try differs. */
export type CallStage =
  /** Getting an account token: there is no other token to fall back to. */
  | 'authorize'
  /** Logging in again with a key that worked earlier in this run. */
  | 'renew'
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

/** How long a call is tried before it gives up, in ms. */
export interface Patience {
  /** While nothing gets through to the store. */
  readonly unreachableMs: number;
  /** While the store answers but does not do what is asked. */
  readonly busyMs: number;
}

/** Three times as long while B2 is busy: whole vaults were reported to be down for half an hour. */
export function patienceOf(unreachableMs: number): Patience {
  return { unreachableMs, busyMs: 3 * unreachableMs };
}

export const PATIENCE = patienceOf(15 * 60_000);

/** For commands that somebody is waiting for. */
export const SHORT_PATIENCE: Patience = { unreachableMs: 60_000, busyMs: 60_000 };

export interface Attempt {
  readonly stage: CallStage;
  readonly trouble: Trouble;
  /** Failed attempts of this call, this one included, whatever others achieve; at least 1. */
  readonly failures: number;
  /** Those of this kind; at least 1. */
  readonly sameTrouble: number;
  /** ms since the first of them. */
  readonly troubleMs: number;
  /** ms in which nothing got through at all: since the first of them, or since the store confirmed anything. */
  readonly quietMs: number;
  readonly patience: Patience;
}

export type RetryDecision =
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
  /** Cancel the large file and start the volume over. */
  | { readonly action: 'begin-anew'; readonly reason: string }
  | { readonly action: 'stop'; readonly refusal: Refusal };

interface Rule {
  readonly endpoint: 'same' | 'new';
  /** Tries that need no pause, by whether an upload URL can be changed. */
  readonly prompt: { readonly upload: number; readonly other: number };
  readonly forAll: boolean;
  /** Pauses grow to this. */
  readonly longestPauseMs: { readonly upload: number; readonly other: number };
  readonly patience: keyof Patience;
  /** After this many failures of this kind, waiting longer does not help. */
  readonly limit: number;
  /** The hint when all tries are used up. */
  readonly hint: string;
}

const AGAIN = 'nothing that B2 confirmed is lost: the next run goes on from there';
const NETWORK = `check the network, the name server and HTTPS_PROXY/NO_PROXY; ${AGAIN}`;
const BUSY = `B2 is busy or out of order; see https://status.backblaze.com; ${AGAIN}`;

const MINUTE_MS = 60_000;
/** An attempt without a network costs little, and the first one that gets through wakes the others. */
const SHORT = { upload: MINUTE_MS / 2, other: MINUTE_MS / 2 };
const USUAL = { upload: MINUTE_MS, other: MINUTE_MS };

const LINE: Rule = {
  endpoint: 'new',
  prompt: { upload: 1, other: 0 },
  forAll: false,
  longestPauseMs: SHORT,
  patience: 'unreachableMs',
  limit: Number.POSITIVE_INFINITY,
  hint: NETWORK,
};

const SERVER: Rule = {
  ...LINE,
  // An upload is refused only after its body was sent, which takes minutes each time.
  longestPauseMs: { upload: 5 * MINUTE_MS, other: MINUTE_MS },
  patience: 'busyMs',
  hint: BUSY,
};

/** One row for each kind of trouble that another try can cure. */
export const RETRY_RULES: Readonly<Record<Exclude<TroubleKind, 'gone' | 'refused'>, Rule>> = {
  network: LINE,
  stalled: LINE,
  'request-timeout': { ...LINE, prompt: { upload: 0, other: 0 } },
  'foreign-answer': {
    ...LINE,
    longestPauseMs: USUAL,
    hint: `check that the endpoint speaks the B2 native API (not S3), and that no proxy or filter answers in its place; ${AGAIN}`,
  },
  'server-error': SERVER,
  full: SERVER,
  'slow-down': {
    ...SERVER,
    endpoint: 'same',
    prompt: { upload: 0, other: 0 },
    forAll: true,
    longestPauseMs: USUAL,
    hint: `B2 limits the rate of requests of this account: use fewer --connections or fewer runs at once; ${AGAIN}`,
  },
  'token-expired': {
    ...LINE,
    prompt: { upload: 2, other: 2 },
    longestPauseMs: USUAL,
    hint: 'B2 gives tokens that it does not accept itself: check the clock of this machine and the application key',
  },
  'key-refused': { ...LINE, longestPauseMs: USUAL, hint: 'check the application key' },
  'endpoint-in-use': { ...LINE, prompt: { upload: 2, other: 0 }, longestPauseMs: USUAL, hint: BUSY },
  damaged: {
    ...LINE,
    longestPauseMs: USUAL,
    limit: 5,
    hint: 'bytes change on the way to B2: check the memory of this machine, its network card and any proxy',
  },
};

const MAY_BE_LOST: ReadonlySet<TroubleKind> = new Set([
  'network',
  'foreign-answer',
  'stalled',
  'request-timeout',
  'server-error',
  'full',
]);

/** Whether the call may have succeeded: only the answer is known to be missing. */
export function answerMayBeLost({ kind }: Trouble): boolean {
  return MAY_BE_LOST.has(kind);
}

/** Trouble of a single volume that lasts this long means that its vault is not coming back: the volume is sent again, to another one. */
export const VOLUME_PATIENCE_MS = 45 * MINUTE_MS;
/** An upload is tried at least this often, however slow the line. B2 recommends five URLs. */
export const LEAST_UPLOADS = 5;

const FIRST_PAUSE_MS = 1000;
/** A server that asks for more than this is asked again earlier, so that a wrong header cannot stop a night's run. */
const LONGEST_RETRY_AFTER_MS = 15 * 60_000;

/**
 * Exponential pause with jitter: between one half and the whole of 1, 2, 4 … s, up to `longestMs`.
 * @param nth - 1 for the first pause
 * @param random - in [0, 1)
 */
export function backoffMs(nth: number, longestMs: number, random: number): number {
  const whole = Math.min(longestMs, FIRST_PAUSE_MS * 2 ** Math.min(nth - 1, 16));
  return Math.round(whole * (0.5 + random / 2));
}

/** The decision. `random` in [0, 1) spreads the pauses of many connections. */
export function decideRetry(attempt: Attempt, random: number): RetryDecision {
  const { stage, trouble, failures } = attempt;
  const { kind } = trouble;
  const upload = stage === 'part' || stage === 'object';
  const ofVolume = stage === 'part' || stage === 'volume';

  if (kind === 'refused' || (kind === 'gone' && !ofVolume)) {
    return stop(trouble.refusal ?? { kind: 'denied', message: trouble.reason, hint: undefined });
  }
  if (kind === 'gone') return { action: 'begin-anew', reason: trouble.reason };
  if (stage === 'authorize' && (kind === 'key-refused' || kind === 'token-expired')) {
    return stop(
      trouble.refusal ?? {
        kind: 'denied',
        message: `B2 does not accept the application key: ${trouble.reason}`,
        hint: undefined,
      },
    );
  }

  const rule = RETRY_RULES[kind];
  const tried = `${failures} ${failures === 1 ? 'try' : 'tries'} in ${describeMs(attempt.troubleMs)}`;
  const enough = upload ? LEAST_UPLOADS : 1;
  const patient = attempt.quietMs < attempt.patience[rule.patience] || failures < enough;
  const ownTrouble = attempt.troubleMs >= VOLUME_PATIENCE_MS;
  // If nothing else gets through either, the cause may not be this volume's vault: keep it for the next run. `full` is unambiguous, and a
  // run with less patience must not leave it to the next one, which would find the same vault.
  const isLost = kind === 'full' ? ownTrouble || !patient : kind === 'server-error' && ownTrouble && patient;
  if (ofVolume && isLost && failures >= enough) {
    return { action: 'begin-anew', reason: `${trouble.reason} (${tried})` };
  }
  if (!patient || attempt.sameTrouble >= rule.limit) {
    const message = `${trouble.reason} (${tried})`;
    return stop(trouble.refusal ?? { kind: 'unavailable', message, hint: rule.hint });
  }

  const prompt = upload ? rule.prompt.upload : rule.prompt.other;
  const longestMs = upload ? rule.longestPauseMs.upload : rule.longestPauseMs.other;
  const nth = failures - prompt;
  // The last try comes when patience ends, not long after.
  const restMs = Math.max(FIRST_PAUSE_MS, attempt.patience[rule.patience] - attempt.quietMs);
  const ownPauseMs = nth >= 1 ? Math.min(restMs, backoffMs(nth, longestMs, random)) : 0;
  const askedMs = Math.min(trouble.retryAfterMs ?? 0, LONGEST_RETRY_AFTER_MS);
  // A busy upload URL speaks for itself only: B2 wants another URL at once, whatever its Retry-After says.
  const honoured = upload && kind !== 'slow-down' && nth < 1 ? 0 : askedMs;
  return {
    action: 'retry',
    endpoint: rule.endpoint,
    // Jitter on top of what was asked for, so that the connections do not all come back in the same instant.
    pauseMs: honoured > ownPauseMs ? Math.round(honoured * (1 + random / 10)) : ownPauseMs,
    forAll: rule.forAll || (honoured > 0 && !upload),
    authorize: kind === 'token-expired' && !upload,
  };
}

/** Whether another call's success suggests that this trouble is over: then the pause can be cut short. */
export function isShared(kind: TroubleKind): boolean {
  return kind === 'network' || kind === 'stalled' || kind === 'request-timeout' || kind === 'foreign-answer';
}

/** `40 s`, `15 min`. */
function describeMs(ms: number): string {
  return ms < 2 * MINUTE_MS ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / MINUTE_MS)} min`;
}

function stop(refusal: Refusal): RetryDecision {
  return { action: 'stop', refusal };
}
