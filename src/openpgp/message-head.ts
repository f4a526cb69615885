/** What precedes the encrypted data: key packets, and the header of the data packet. */
import { Failure } from '../errors.js';
import { ByteReader } from './byte-reader.js';
import { collect, readPacket } from './packet-reader.js';
import { PACKET } from './packets.js';
import { AEAD, type AeadAlgorithm, KEY_BYTES } from './profile.js';

export interface AeadHead {
  readonly profile: 'librepgp' | 'rfc9580';
  readonly cipher: number;
  readonly aead: AeadAlgorithm;
  readonly chunkOctet: number;
  readonly salt: Uint8Array;
}

export type DataHead = AeadHead | { readonly profile: 'rfc4880' };

export interface MessageHead {
  /** Bodies of the packets. */
  readonly skesks: readonly Uint8Array[];
  readonly pkesks: readonly Uint8Array[];
  readonly data: DataHead;
  /** The octets of `data`, as they stand in the message. */
  readonly dataHead: Uint8Array;
  /** Type of the data packet. */
  readonly dataPacket: number;
  /** The rest of the data packet's body. */
  readonly body: ByteReader;
}

const MAX_KEY_PACKET_BYTES = 1 << 16;
/** A limit, because each PKESK costs a private key operation. */
const MAX_PACKETS_BEFORE_DATA = 64;
/** Each costs up to 130 MB of hashing per passphrase. */
const MAX_SKESKS = 8;
/** A reader holds one chunk in memory. gpg has written up to 128 MiB (octet 21). */
const MAX_CHUNK_OCTET = 21;

/** @throws Failure `damaged` */
export async function readMessageHead(reader: ByteReader): Promise<MessageHead> {
  const skesks: Uint8Array[] = [];
  const pkesks: Uint8Array[] = [];
  for (let packets = 0; ; packets++) {
    const packet = await readPacket(reader);
    if (packets > MAX_PACKETS_BEFORE_DATA)
      throw new Failure('damaged', `more than ${MAX_PACKETS_BEFORE_DATA} packets precede the encrypted data`);
    if (packet === undefined)
      throw new Failure('damaged', 'there is no encrypted data in the OpenPGP message');
    const { type, body } = packet;
    switch (type) {
      case PACKET.symmetricKeyEncryptedSessionKey:
        skesks.push(await collect(body, MAX_KEY_PACKET_BYTES));
        if (skesks.length > MAX_SKESKS)
          throw new Failure(
            'damaged',
            `the OpenPGP message is sealed with more than ${MAX_SKESKS} passphrases`,
          );
        break;
      case PACKET.publicKeyEncryptedSessionKey:
        pkesks.push(await collect(body, MAX_KEY_PACKET_BYTES));
        break;
      case PACKET.marker:
      case PACKET.padding:
        await collect(body, MAX_KEY_PACKET_BYTES);
        break;
      case PACKET.encryptedIntegrityProtected:
      case PACKET.aeadEncrypted: {
        const inner = new ByteReader(body);
        return { skesks, pkesks, dataPacket: type, ...(await readDataHead(type, inner)), body: inner };
      }
      case PACKET.symmetricallyEncrypted:
        throw new Failure(
          'damaged',
          'the data are encrypted without integrity protection, so they are not read',
        );
      default:
        throw new Failure(
          'damaged',
          `a packet of type ${type} does not belong in an encrypted OpenPGP message`,
        );
    }
  }
}

async function readDataHead(
  type: number,
  body: ByteReader,
): Promise<{ data: DataHead; dataHead: Uint8Array }> {
  const version = await body.octet();
  if (type === PACKET.encryptedIntegrityProtected && version === 1) {
    return { data: { profile: 'rfc4880' }, dataHead: Uint8Array.of(version) };
  }
  const profile = type === PACKET.aeadEncrypted && version === 1 ? 'librepgp' : 'rfc9580';
  if (profile === 'rfc9580' && (type !== PACKET.encryptedIntegrityProtected || version !== 2)) {
    throw new Failure('damaged', `encrypted data packet ${type} of unknown version ${version}`);
  }
  const settings = await body.exactly(3);
  const [cipher = 0, mode = 0, chunkOctet = 0] = settings;
  const aead = mode === AEAD.ocb.id ? 'ocb' : mode === AEAD.gcm.id ? 'gcm' : undefined;
  if (!KEY_BYTES.has(cipher) || aead === undefined || chunkOctet > MAX_CHUNK_OCTET) {
    throw new Failure(
      'damaged',
      `cannot read cipher ${cipher}, AEAD mode ${mode}, chunk size octet ${chunkOctet}`,
    );
  }
  const salt = await body.exactly(profile === 'rfc9580' ? 32 : AEAD[aead].nonceBytes);
  const dataHead = Uint8Array.of(version, ...settings, ...salt);
  return { data: { profile, cipher, aead, chunkOctet, salt }, dataHead };
}
