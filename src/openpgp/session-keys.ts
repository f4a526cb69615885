/** Which session keys the given passphrases and secret keys may open. */
import { Failure } from '../errors.js';
import type { MessageHead } from './message-head.js';
import { KEY_BYTES } from './profile.js';
import type { PublicKeySealed } from './recipients.js';
import { openSkesk, type SessionKey } from './skesk.js';

export interface OpeningKeys {
  /** Strings are taken as UTF-8. */
  readonly passwords: readonly (Uint8Array | string)[];
  /** `openSkesk` in another thread, because it is slow by design. Default: in this one. */
  readonly openSkesk?: (body: Uint8Array, passphrase: Uint8Array) => Promise<SessionKey | undefined>;
  /** Opens a message with secret keys; undefined if none of them fits. Called only if no passphrase opens it. */
  readonly openPkesk?: (sealed: PublicKeySealed) => Promise<SessionKey | undefined>;
}

export interface CandidateKey extends SessionKey {
  /** What opened it. Anybody who has a recipient's public key can seal a message that this recipient opens. */
  readonly by: 'passphrase' | 'recipient';
}

/**
 * Candidates, likeliest first. A version 4 packet cannot tell whether the passphrase was right, so only the data can.
 * Derived one by one, because each costs a fraction of a second by design.
 */
export async function* sessionKeys(
  head: MessageHead,
  keys: OpeningKeys,
): AsyncGenerator<CandidateKey, void, void> {
  for (const password of keys.passwords) {
    for (const body of head.skesks) {
      const opened = await (keys.openSkesk ?? openSkesk)(body, Buffer.from(password));
      if (opened !== undefined && fits(opened, head)) yield { ...opened, by: 'passphrase' };
    }
  }
  if (head.pkesks.length > 0 && keys.openPkesk !== undefined) {
    const { pkesks, dataPacket, dataHead } = head;
    const opened = await keys.openPkesk({ pkesks, dataPacket, dataHead });
    if (opened !== undefined && fits(opened, head)) yield { ...opened, by: 'recipient' };
  }
}

function fits({ cipher, key }: SessionKey, { data }: MessageHead): boolean {
  const expected = data.profile === 'rfc4880' ? cipher : data.cipher;
  return KEY_BYTES.get(expected ?? 0) === key.length;
}

/** No passphrase and no key at hand opens it: another one was used, or its first octets are damaged. Which, nobody can tell. */
export class NotOpened extends Failure {
  constructor(hint: string) {
    super('damaged', 'wrong passphrase or key, or damaged data: nothing at hand opens this message', {
      hint,
    });
  }
}

/** The failure if no candidate opened the data. */
export function notOpened({ skesks, pkesks }: MessageHead): NotOpened {
  const byPassphrase = skesks.length > 0 ? `${skesks.length} passphrase(s)` : '';
  const byKey = pkesks.length > 0 ? `${pkesks.length} recipient key(s)` : '';
  const sealedFor = [byPassphrase, byKey].filter((text) => text !== '').join(' and ');
  return new NotOpened(
    `it is encrypted for ${sealedFor === '' ? 'nobody: it has no key packets' : sealedFor}`,
  );
}
