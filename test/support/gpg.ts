/** The stock gpg as an independent reader. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A GnuPG home of its own, removed (with its agent) by `remove`. */
export class GpgHome {
  readonly path = mkdtempSync(join(tmpdir(), 'gpg-'));

  /** Decrypts one message with a passphrase. @throws with gpg's own words when it does not exit 0 */
  decrypt(message: Uint8Array, passphrase: string): Promise<Buffer> {
    return this.#gpg(['--decrypt'], passphrase, message);
  }

  /** Decrypts each message, all by one gpg. @throws with gpg's own words when it does not exit 0 */
  async decryptAll(messages: readonly Uint8Array[], passphrase: string): Promise<Buffer[]> {
    const folder = mkdtempSync(join(this.path, 'messages-'));
    try {
      const names = messages.map((_, index) => join(folder, String(index)));
      for (const [index, message] of messages.entries()) writeFileSync(`${names[index]}.gpg`, message);
      if (names.length > 0)
        await this.#gpg(['--multifile', '--decrypt', ...names.map((name) => `${name}.gpg`)], passphrase);
      return names.map((name) => readFileSync(name));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  async #gpg(
    words: readonly string[],
    passphrase: string,
    input: Uint8Array = new Uint8Array(),
  ): Promise<Buffer> {
    const child = spawn(
      'gpg',
      [
        '--homedir',
        this.path,
        '--batch',
        '--quiet',
        '--pinentry-mode',
        'loopback',
        '--passphrase-fd',
        '3',
        ...words,
      ],
      {
        stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      },
    );
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (bytes: Buffer) => output.push(bytes));
    child.stderr.on('data', (bytes: Buffer) => errors.push(bytes));
    const fd = child.stdio[3];
    if (fd === null || fd === undefined || !('end' in fd))
      throw new Error('no descriptor for the passphrase');
    fd.end(`${passphrase}\n`);
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
    if (status !== 0)
      throw new Error(`gpg exited with ${status ?? 'a signal'}: ${Buffer.concat(errors).toString()}`);
    return Buffer.concat(output);
  }

  remove(): void {
    spawnSync('gpgconf', ['--homedir', this.path, '--kill', 'all']);
    rmSync(this.path, { recursive: true, force: true });
  }
}
