/** Detached signatures, made and checked by OpenPGP.js in the key thread; `gpg --verify` reads them. */
import * as openpgp from 'openpgp';
import { Failure } from '../errors.js';
import type { KeyFile } from './recipients.js';

export interface NewSigningKey {
  /** Both armored. The secret one has no passphrase, because nobody could type it at night. */
  readonly secretKey: string;
  readonly publicKey: string;
}

/** A version 4 Ed25519 key that can only sign: what gpg has read since 2.1. */
export async function makeSigningKey(name: string, now: Date): Promise<NewSigningKey> {
  const { privateKey, publicKey } = await openpgp.generateKey({
    type: 'ecc',
    curve: 'ed25519Legacy',
    userIDs: [{ name }],
    subkeys: [],
    date: now,
    format: 'armored',
  });
  return { secretKey: privateKey, publicKey };
}

/** @returns a binary signature. @throws Failure `config` where the file holds no secret key that can sign now */
export async function sign(file: KeyFile, data: Uint8Array, now: Date): Promise<Uint8Array> {
  try {
    const signingKeys = await openpgp.readPrivateKey({ armoredKey: Buffer.from(file.contents).toString() });
    const message = await openpgp.createMessage({ binary: data });
    // OpenPGP.js declares this with a type from a package that is not installed.
    const signature = (await openpgp.sign({
      message,
      signingKeys,
      detached: true,
      format: 'binary',
      date: now,
    })) as Uint8Array;
    return Uint8Array.from(signature);
  } catch (cause) {
    throw new Failure('config', `${file.name}: not a secret key that can sign`, {
      hint: 'it is a key without a passphrase, as this program makes it; put the one it made back, or remove it to have a new one made',
      cause,
    });
  }
}

/**
 * Whether `signature` is a good one of these data by one of these keys.
 * @param files public keys, armored or binary; secret keys work, too
 */
export async function verifySignature(
  files: readonly KeyFile[],
  data: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const verificationKeys = (await Promise.all(files.map(readKeys))).flat();
  try {
    const message = await openpgp.createMessage({ binary: data });
    const read = await openpgp.readSignature({ binarySignature: signature });
    const { signatures } = await openpgp.verify({ message, signature: read, verificationKeys });
    const verified = await Promise.all(signatures.map((one) => one.verified.catch(() => false)));
    return verified.includes(true);
  } catch {
    return false;
  }
}

async function readKeys({ name, contents }: KeyFile): Promise<openpgp.PublicKey[]> {
  const text = Buffer.from(contents);
  try {
    const keys = text.includes('-----BEGIN PGP')
      ? await openpgp.readKeys({ armoredKeys: text.toString() })
      : await openpgp.readKeys({ binaryKeys: contents });
    return keys.map((key) => key.toPublic());
  } catch (cause) {
    throw new Failure('config', `${name}: not readable as OpenPGP keys`, { cause });
  }
}
