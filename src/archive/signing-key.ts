/** The key with which this server signs its archives. Anybody with the recipients' public keys can seal; only a signature shows who did. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { readOwnFile, replaceOwnFile } from '../own-files.js';
import type { Emit } from '../events.js';
import { readTrusted } from '../config/trusted-file.js';
import type { KeyFile } from '../openpgp/recipients.js';
import { keyThread } from '../sealing/key-thread.js';

const SIGNING_KEY = 'signing-key.asc';
export const SIGNING_KEY_PUBLIC = 'signing-key.pub.asc';

export interface SigningKeyOptions {
  /** As configured; undefined: the key in `stateDirectory`, made if it is missing. */
  readonly path: string | undefined;
  readonly stateDirectory: string;
  readonly now: () => number;
  readonly emit: Emit;
}

/**
 * Tested before the archive begins, so that a key that cannot sign is found out in time.
 * @returns signs data. @throws Failure `config`, `local`
 */
export async function openSigningKey(
  options: SigningKeyOptions,
): Promise<(data: Uint8Array) => Promise<Uint8Array>> {
  const { path, now } = options;
  const file = path === undefined ? await ownKey(options) : configuredKey(path);
  await keyThread.sign(file, new Uint8Array(0), now());
  return (data) => keyThread.sign(file, data, now());
}

function configuredKey(path: string): KeyFile {
  return { name: path, contents: readTrusted(path, { what: 'signing key', secret: true }) };
}

async function ownKey({ stateDirectory, now, emit }: SigningKeyOptions): Promise<KeyFile> {
  const path = join(stateDirectory, SIGNING_KEY);
  const there = await readOwnFile(path);
  if (there !== undefined) return { name: path, contents: there };
  const made = await keyThread.makeSigningKey(`backuppc-b2 on ${hostname()}`, now());
  const publicPath = join(stateDirectory, SIGNING_KEY_PUBLIC);
  // The public part first: a key whose signatures nobody can check is useless.
  await replaceOwnFile(publicPath, Buffer.from(made.publicKey));
  await replaceOwnFile(path, Buffer.from(made.secretKey));
  emit({
    type: 'warning',
    message: `made a key to sign archives with: ${path}; keep a copy of ${publicPath} where archives will be restored (--signer FILE)`,
  });
  return { name: path, contents: Buffer.from(made.secretKey) };
}
