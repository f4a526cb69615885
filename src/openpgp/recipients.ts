/**
 * Recipients' keys: reads, checks and uses them with OpenPGP.js, which only this module and `signing.ts` import. It runs in a short-lived
 * thread, because it takes some 30 MB; see src/sealing/key-thread.ts.
 */
import * as openpgp from 'openpgp';
import { Failure } from '../errors.js';
import { packet, PACKET } from './packets.js';
import type { AeadAlgorithm, OpenPgpProfile } from './profile.js';
import type { SessionKey } from './skesk.js';

/** A file of keys, armored or binary; one file may hold several. */
export interface KeyFile {
  /** For messages: the file's name. */
  readonly name: string;
  readonly contents: Uint8Array;
}

/**
 * Public-key encrypted session key packets (RFC 9580 §5.1), version 3, or 6 for `rfc9580`: for each session key one for each key in `files`.
 * @param now Keys are judged at this time.
 * @throws Failure `config` naming file and key where one is expired, revoked, secret, or cannot encrypt.
 */
export async function recipientPackets(
  profile: OpenPgpProfile,
  aead: AeadAlgorithm,
  files: readonly KeyFile[],
  sessionKeys: readonly Uint8Array[],
  now: Date,
): Promise<Uint8Array[]> {
  const keys = await readRecipients(files, now);
  const packets: Uint8Array[] = [];
  for (const data of sessionKeys) {
    const sealed = await openpgp.encryptSessionKey({
      data,
      algorithm: 'aes256',
      ...(profile === 'rfc9580' ? { aeadAlgorithm: aead } : {}),
      encryptionKeys: keys,
      date: now,
      format: 'binary',
    });
    packets.push(Uint8Array.from(sealed));
  }
  return packets;
}

/** @returns the key IDs, in hex. @throws as `recipientPackets` */
export async function checkRecipients(files: readonly KeyFile[], now: Date): Promise<string[]> {
  const keys = await readRecipients(files, now);
  return keys.map((key) => key.getKeyID().toHex().toUpperCase());
}

async function readRecipients(files: readonly KeyFile[], now: Date): Promise<openpgp.PublicKey[]> {
  const recipients: openpgp.PublicKey[] = [];
  for (const file of files) {
    for (const key of await readKeys(file)) {
      await checkRecipient(file.name, key, now);
      recipients.push(key.toPublic());
    }
  }
  return recipients;
}

async function readKeys({ name, contents }: KeyFile): Promise<openpgp.Key[]> {
  const armored = Buffer.from(contents).includes('-----BEGIN PGP');
  let keys: openpgp.Key[];
  try {
    keys = armored
      ? await openpgp.readKeys({ armoredKeys: Buffer.from(contents).toString('utf8') })
      : await openpgp.readKeys({ binaryKeys: contents });
  } catch (cause) {
    throw new Failure('config', `${name}: not readable as OpenPGP keys: ${reason(cause)}`, {
      hint: 'export the key with: gpg --export KEYID',
      cause,
    });
  }
  if (keys.length === 0) throw new Failure('config', `${name}: holds no OpenPGP key`);
  return keys;
}

async function checkRecipient(name: string, key: openpgp.Key, now: Date): Promise<void> {
  const id = key.getKeyID().toHex().toUpperCase();
  const refuse = (why: string, hint?: string): never => {
    throw new Failure('config', `recipient ${name}: key ${id} ${why}`, hint === undefined ? {} : { hint });
  };
  if (key.isPrivate()) {
    refuse('is a secret key; only its public half belongs here', `gpg --export ${id} writes the public key`);
  }
  if (await key.isRevoked(undefined, undefined, now)) refuse('is revoked');
  const expires = await key.getExpirationTime();
  if (expires instanceof Date && expires <= now) refuse(`expired on ${expires.toISOString().slice(0, 10)}`);
  if (key.getCreationTime() > now)
    refuse(`is only valid from ${key.getCreationTime().toISOString().slice(0, 10)} on`);
  try {
    await key.getEncryptionKey(undefined, now);
  } catch (cause) {
    const detail = reason(cause).replace(
      /^Could not find valid encryption key packet in key [0-9a-f]+(: )?/,
      '',
    );
    refuse(`has no key that can encrypt now${detail === '' ? '' : `: ${detail}`}`);
  }
}

/** Public-key packets of a message, and the start of its data packet, which OpenPGP.js needs to open them. */
export interface PublicKeySealed {
  readonly pkesks: readonly Uint8Array[];
  readonly dataPacket: number;
  readonly dataHead: Uint8Array;
}

/**
 * Opens a session key with the first secret key that fits.
 * @returns undefined if the message is not for any of them.
 * @throws Failure `config` where a key file cannot be read, or its own passphrase is missing or wrong.
 */
export async function openPkesk(
  sealed: PublicKeySealed,
  files: readonly KeyFile[],
  passphrases: readonly string[],
): Promise<SessionKey | undefined> {
  const bodies = [...sealed.pkesks.map((body) => packet(PACKET.publicKeyEncryptedSessionKey, body))];
  const binary = Buffer.concat([...bodies, packet(sealed.dataPacket, sealed.dataHead)]);
  // Read again for each key, because even a failed attempt uses the message up.
  const read = () => openpgp.readMessage({ binaryMessage: Uint8Array.from(binary) });
  const message = await read();
  const wanted = new Set(message.getEncryptionKeyIDs().map((id) => id.toHex()));
  const anonymous = [...wanted].some((id) => /^0*$/.test(id));
  for (const file of files) {
    for (const key of await readKeys(file)) {
      if (!key.isPrivate()) {
        throw new Failure('config', `${file.name}: is a public key; opening takes the secret one`, {
          hint: 'gpg --export-secret-keys KEYID writes it',
        });
      }
      if (!anonymous && !key.getKeys().some((one) => wanted.has(one.getKeyID().toHex()))) continue;
      const unlocked = await unlock(file.name, key, passphrases);
      const opened = await decrypt(await read(), unlocked);
      if (opened !== undefined) return opened;
    }
  }
  return undefined;
}

async function unlock(
  name: string,
  key: openpgp.PrivateKey,
  passphrases: readonly string[],
): Promise<openpgp.PrivateKey> {
  if (key.isDecrypted()) return key;
  try {
    return await openpgp.decryptKey({ privateKey: key, passphrase: [...passphrases] });
  } catch (cause) {
    const id = key.getKeyID().toHex().toUpperCase();
    throw new Failure('config', `${name}: secret key ${id} is not unlocked by any passphrase given`, {
      cause,
    });
  }
}

async function decrypt(
  message: openpgp.Message<Uint8Array>,
  key: openpgp.PrivateKey,
): Promise<SessionKey | undefined> {
  try {
    const [opened] = await openpgp.decryptSessionKeys({ message, decryptionKeys: key });
    if (opened === undefined) return undefined;
    const cipher = CIPHERS.get(opened.algorithm ?? '');
    return { cipher, key: Uint8Array.from(opened.data) };
  } catch {
    return undefined;
  }
}

const CIPHERS: ReadonlyMap<string, number> = new Map([
  ['aes128', 7],
  ['aes192', 8],
  ['aes256', 9],
]);

function reason(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message.replace(/^Error [a-z ]+: /, '') : String(thrown);
}
