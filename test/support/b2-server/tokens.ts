import type { Clock } from '../../../src/clock.js';
import { B2Error } from './errors.js';
import { badToken, expired, type ApplicationKey } from './keys.js';

const DAY_MS = 86_400_000;

interface AccountToken {
  readonly key: ApplicationKey;
  expiresAt: number;
  /** Calls it still answers (X-Bz-Test-Mode: expire_some_account_authorization_tokens). */
  usesLeft: number;
}

/** One upload URL and its token: good for any number of uploads, one after the other, until the server rejects one. */
export interface UploadToken {
  readonly token: string;
  /** Path of the URL it belongs to. */
  readonly path: string;
  readonly key: ApplicationKey;
  /** What uploads go into: a bucket, or a large file. */
  readonly target: { readonly bucketId: string } | { readonly fileId: string };
  expiresAt: number;
  state: 'free' | 'busy' | 'dead';
}

export interface DownloadToken {
  readonly bucketId: string;
  readonly namePrefix: string;
  readonly expiresAt: number;
  /** Response headers that the download then has to ask for, by query parameter (b2ContentDisposition …). */
  readonly required: Readonly<Record<string, string>>;
}

export interface TokenLifetimes {
  readonly accountTokenMs: number;
  readonly uploadTokenMs: number;
}

export const REAL_LIFETIMES: TokenLifetimes = { accountTokenMs: DAY_MS, uploadTokenMs: DAY_MS };

/** All tokens handed out. Counted, not random: nothing here needs secrecy, and tests get the same ones each time. */
export class Tokens {
  readonly #clock: Clock;
  readonly #lifetimes: TokenLifetimes;
  readonly #account = new Map<string, AccountToken>();
  readonly #upload = new Map<string, UploadToken>();
  readonly #download = new Map<string, DownloadToken>();
  #count = 0;

  constructor(clock: Clock, lifetimes: TokenLifetimes) {
    this.#clock = clock;
    this.#lifetimes = lifetimes;
  }

  newAccountToken(key: ApplicationKey, uses = Infinity): string {
    const token = this.#next(`acct_${key.keyId}`);
    const expiresAt = Math.min(
      this.#clock.now() + this.#lifetimes.accountTokenMs,
      key.expirationTimestamp ?? Infinity,
    );
    this.#account.set(token, { key, expiresAt, usesLeft: uses });
    return token;
  }

  accountKey(token: string | undefined): ApplicationKey {
    if (token === undefined) throw badToken('authorization token');
    const known = this.#account.get(token);
    if (known === undefined) throw badToken('authorization token');
    if (known.usesLeft-- <= 0 || known.expiresAt <= this.#clock.now()) throw expired('authorization token');
    return known.key;
  }

  /** A new pair; the last segment of its path makes every URL differ from every other. */
  newUploadToken(key: ApplicationKey, target: UploadToken['target'], pathStart: string): UploadToken {
    const token = this.#next('upld');
    const path = `${pathStart}/c001_v0001000_t${String(this.#count).padStart(4, '0')}`;
    const upload: UploadToken = {
      token,
      path,
      key,
      target,
      expiresAt: this.#clock.now() + this.#lifetimes.uploadTokenMs,
      state: 'free',
    };
    this.#upload.set(token, upload);
    return upload;
  }

  /** Takes the pair for one upload; whoever took it frees it or lets it die. */
  takeUpload(token: string | undefined, path: string): UploadToken {
    const known = token === undefined ? undefined : this.#upload.get(token);
    if (known === undefined || known.path !== path || known.state === 'dead')
      throw badToken('upload authorization token');
    if (known.expiresAt <= this.#clock.now()) throw expired('upload authorization token');
    if (known.state === 'busy')
      throw new B2Error(400, 'auth_token_limit', `more than one upload using auth token ${known.token}`);
    known.state = 'busy';
    return known;
  }

  newDownloadToken(authorization: Omit<DownloadToken, 'expiresAt'>, seconds: number): string {
    const token = this.#next('dnld');
    this.#download.set(token, { ...authorization, expiresAt: this.#clock.now() + seconds * 1000 });
    return token;
  }

  download(token: string): DownloadToken | undefined {
    const known = this.#download.get(token);
    if (known !== undefined && known.expiresAt <= this.#clock.now())
      throw expired('download authorization token');
    return known;
  }

  /** Ends the life of this token, or of all tokens. */
  expire(token?: string): void {
    for (const tokens of [this.#account, this.#upload]) {
      for (const [name, known] of tokens) if (token === undefined || token === name) known.expiresAt = 0;
    }
  }

  /** A deleted key opens nothing any more. */
  forgetKey(keyId: string): void {
    for (const tokens of [this.#account, this.#upload]) {
      for (const [token, known] of tokens) if (known.key.keyId === keyId) tokens.delete(token);
    }
  }

  #next(kind: string): string {
    return `4_${kind}_${(++this.#count).toString(36).padStart(8, '0')}`;
  }
}
