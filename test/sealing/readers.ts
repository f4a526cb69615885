/** Programs that we did not write, reading what we wrote. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as openpgp from 'openpgp';

export const workDirectory = mkdtempSync(join(tmpdir(), 'sealing-test-'));

/** A GnuPG home of our own; its agent is stopped at the end. */
function gpgHome(name: string): string {
  const home = join(workDirectory, name);
  mkdirSync(home, { mode: 0o700 });
  return home;
}

const homes = { withKeys: gpgHome('keys'), without: gpgHome('empty') };

export function cleanUp(): void {
  for (const home of Object.values(homes)) spawnSync('gpgconf', ['--homedir', home, '--kill', 'all']);
  rmSync(workDirectory, { recursive: true, force: true });
}

function run(command: string, args: readonly string[], input?: Uint8Array): Buffer {
  const { status, stdout, stderr, error } = spawnSync(command, args, { input, maxBuffer: 1 << 30 });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} exits ${String(status)}: ${stderr.toString()}`);
  return stdout;
}

export function available(command: string): boolean {
  return spawnSync(command, ['--version']).status === 0;
}

export interface TestKey {
  readonly publicKey: Uint8Array;
  readonly armoredPublicKey: string;
  readonly secretKey: openpgp.PrivateKey;
}

export async function newKey(name: string, options: Partial<openpgp.KeyOptions> = {}): Promise<TestKey> {
  const { privateKey, publicKey } = await openpgp.generateKey({
    type: 'ecc',
    curve: 'curve25519Legacy',
    userIDs: [{ name }],
    ...options,
    format: 'object',
  });
  return {
    publicKey: Uint8Array.from(publicKey.write()),
    armoredPublicKey: publicKey.armor(),
    secretKey: privateKey,
  };
}

export function importSecretKey(key: TestKey): void {
  run('gpg', ['--homedir', homes.withKeys, '--batch', '--quiet', '--import'], key.secretKey.write());
}

export function gpgByPassphrase(message: Uint8Array, passphrase: string): Buffer {
  const loopback = ['--pinentry-mode', 'loopback', '--passphrase', passphrase];
  return run('gpg', ['--homedir', homes.without, '--batch', '--quiet', ...loopback, '-d'], message);
}

export function gpgBySecretKey(message: Uint8Array): Buffer {
  // gpg 2.4 would ask for the passphrase of a message that has one, too.
  const words = ['--homedir', homes.withKeys, '--batch', '--quiet', '--pinentry-mode', 'cancel', '-d'];
  return run('gpg', words, message);
}

export function sqBySecretKey(message: Uint8Array, key: TestKey): Buffer {
  const file = join(workDirectory, 'recipient.key');
  writeFileSync(file, key.secretKey.armor());
  return run('sq', ['decrypt', '--recipient-key', file], message);
}

export async function openpgpJs(
  message: Uint8Array,
  keys: { password: string } | { key: TestKey },
): Promise<Buffer> {
  const parsed = await openpgp.readMessage({ binaryMessage: Uint8Array.from(message) });
  const opened = 'password' in keys ? { passwords: keys.password } : { decryptionKeys: keys.key.secretKey };
  const decrypted = await openpgp.decrypt({ message: parsed, format: 'binary', ...opened });
  return Buffer.from(decrypted.data as Uint8Array);
}
