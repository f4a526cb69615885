/**
 * Opens one OpenPGP message with the gpg program, for messages that the native reader does not support, such as those of the older Python
 * scripts, which gpg compressed inside with zlib or bzip2.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../errors.js';
import { feed, plainEnvironment, startProgram } from './stock-program.js';

export interface GpgOptions {
  /** undefined: gpg's keyring and agent. */
  readonly passphrase: Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Needed, because `gpg --decrypt` also exits 0 for a message that is not encrypted. */
const DECRYPTED = '[GNUPG:] DECRYPTION_OKAY';

/** @throws Failure `damaged` when gpg does not take the message or the passphrase */
export async function* openWithGpg(
  sealed: AsyncIterable<Uint8Array>,
  options: GpgOptions,
): AsyncGenerator<Uint8Array> {
  const { passphrase, signal } = options;
  const home = passphrase === undefined ? undefined : await emptyHome();
  try {
    yield* throughGpg(sealed, passphrase, home, signal);
  } finally {
    if (home !== undefined) await rm(home, { recursive: true, force: true });
  }
}

/** A passphrase needs no keyring, so an empty home avoids trouble with an unwritable one, a gpg.conf or an agent. */
async function emptyHome(): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), 'bb2-gpg-'));
  } catch (cause) {
    throw new Failure('local', `cannot make a directory in ${tmpdir()}`, {
      hint: 'set TMPDIR to a writable directory',
      cause,
    });
  }
}

async function* throughGpg(
  sealed: AsyncIterable<Uint8Array>,
  passphrase: Uint8Array | undefined,
  home: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const secretWords =
    passphrase === undefined
      ? []
      : ['--no-autostart', '--batch', '--no-tty', '--pinentry-mode', 'loopback', '--passphrase-fd', '3'];
  const seen = { decrypted: false };
  const gpg = startProgram(['gpg', '--quiet', ...secretWords, '--status-fd', '2', '--decrypt'], {
    stdout: 'pipe',
    onLine: (line) => {
      seen.decrypted ||= line.startsWith(DECRYPTED);
    },
    secret: passphrase,
    kind: 'damaged',
    signal,
    env: home === undefined ? plainEnvironment() : { ...plainEnvironment(), GNUPGHOME: home },
  });
  let failure: unknown;
  const fed = (async () => {
    for await (const chunk of sealed) await feed(gpg, chunk);
    gpg.endInput();
    await gpg.finished();
  })().catch((error: unknown) => {
    failure = error;
    gpg.kill();
  });
  try {
    yield* gpg.output as AsyncIterable<Uint8Array>;
    await fed;
    if (failure !== undefined) throw failure as Error;
    if (!seen.decrypted) throw new Failure('damaged', 'it is not an encrypted OpenPGP message');
  } finally {
    gpg.kill();
  }
}
