/**
 * Opens one OpenPGP message with the gpg program: for messages that the native reader does not take, such as those of the older
 * Python scripts, which gpg has compressed inside with zlib or bzip2.
 */
import { feed, startProgram } from './stock-program.js';

export interface GpgOptions {
  /** undefined: gpg's keyring and agent. */
  readonly passphrase: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** @throws Failure `damaged` when gpg does not take the message or the passphrase */
export async function* openWithGpg(
  sealed: AsyncIterable<Uint8Array>,
  options: GpgOptions,
): AsyncGenerator<Uint8Array> {
  const { passphrase, signal } = options;
  const secretWords =
    passphrase === undefined
      ? []
      : ['--batch', '--no-tty', '--no-symkey-cache', '--pinentry-mode', 'loopback', '--passphrase-fd', '3'];
  const gpg = startProgram(['gpg', '--quiet', ...secretWords, '--decrypt'], {
    stdout: 'pipe',
    secret: passphrase === undefined ? undefined : Buffer.from(passphrase),
    kind: 'damaged',
    signal,
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
  } finally {
    gpg.kill();
  }
}
