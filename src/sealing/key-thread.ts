/**
 * OpenPGP.js in a thread that ends with its task, so that its memory is freed while the archive runs for hours. Started once to check the
 * recipients and once for each batch of volumes.
 */
import { Piscina } from 'piscina';
import { Failure } from '../errors.js';
import { KEYS_WORKER } from '../files.js';
import type { AeadAlgorithm, OpenPgpProfile } from '../openpgp/profile.js';
import type { KeyFile, PublicKeySealed } from '../openpgp/recipients.js';
import type { NewSigningKey } from '../openpgp/signing.js';
import type { SessionKey } from '../openpgp/skesk.js';
import { type TaskOutcome, revive } from './tasks.js';
import { THREAD_ARGUMENTS } from './thread-options.js';

export type KeyTask =
  | { readonly kind: 'check'; readonly files: readonly KeyFile[]; readonly now: number }
  | {
      readonly kind: 'encrypt';
      readonly profile: OpenPgpProfile;
      readonly aead: AeadAlgorithm;
      readonly files: readonly KeyFile[];
      readonly sessionKeys: readonly Uint8Array[];
      readonly now: number;
    }
  | {
      readonly kind: 'open';
      readonly sealed: PublicKeySealed;
      readonly files: readonly KeyFile[];
      readonly passphrases: readonly string[];
    }
  | { readonly kind: 'makeSigningKey'; readonly name: string; readonly now: number }
  | { readonly kind: 'sign'; readonly file: KeyFile; readonly data: Uint8Array; readonly now: number }
  | {
      readonly kind: 'verify';
      readonly files: readonly KeyFile[];
      readonly data: Uint8Array;
      readonly signature: Uint8Array;
    };

async function run<T>(task: KeyTask): Promise<T> {
  const pool = new Piscina<KeyTask, TaskOutcome<T>>({
    filename: KEYS_WORKER.href,
    minThreads: 0,
    maxThreads: 1,
    execArgv: THREAD_ARGUMENTS,
  });
  // A thread that fails to start leaves its task waiting, and reports that only here.
  const broken = new Promise<never>((_resolve, reject) => {
    pool.on('error', reject);
  });
  let outcome: TaskOutcome<T>;
  try {
    outcome = await Promise.race([pool.run(task), broken]);
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Failure('internal', `the thread that handles OpenPGP keys died: ${message}`, { cause });
  } finally {
    await pool.destroy();
  }
  if (!outcome.ok) throw revive(outcome.failure);
  return outcome.value;
}

/** The functions of openpgp/recipients.ts and openpgp/signing.ts, each run in a thread of its own. They throw the same failures. */
export const keyThread = {
  /** @returns key IDs in hex. @throws Failure `config` naming the first unusable key */
  checkRecipients(files: readonly KeyFile[], now: number): Promise<string[]> {
    return run({ kind: 'check', files, now });
  },

  /** One set of packets for each session key. */
  recipientPackets(
    profile: OpenPgpProfile,
    aead: AeadAlgorithm,
    files: readonly KeyFile[],
    sessionKeys: readonly Uint8Array[],
    now: number,
  ): Promise<Uint8Array[]> {
    return run({ kind: 'encrypt', profile, aead, files, sessionKeys, now });
  },

  openPkesk(
    sealed: PublicKeySealed,
    files: readonly KeyFile[],
    passphrases: readonly string[],
  ): Promise<SessionKey | undefined> {
    return run({ kind: 'open', sealed, files, passphrases });
  },

  makeSigningKey(name: string, now: number): Promise<NewSigningKey> {
    return run({ kind: 'makeSigningKey', name, now });
  },

  /** @throws Failure `config` where the key cannot sign */
  sign(file: KeyFile, data: Uint8Array, now: number): Promise<Uint8Array> {
    return run({ kind: 'sign', file, data, now });
  },

  verifySignature(files: readonly KeyFile[], data: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return run({ kind: 'verify', files, data, signature });
  },
};
