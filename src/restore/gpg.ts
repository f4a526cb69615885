/**
 * Opens one OpenPGP message with the gpg program: for messages that the native reader does not take, such as those of the older
 * Python scripts, which gpg has compressed inside with zlib or bzip2.
 */
import { Child } from './child.js';

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
  const gpg = new Child({
    program: 'gpg',
    words: ['--quiet', ...secretWords, '--decrypt'],
    stdout: 'pipe',
    secret: passphrase,
    kind: 'damaged',
    signal,
  });
  let failure: unknown;
  const feed = (async () => {
    for await (const chunk of sealed) await gpg.write(chunk);
    await gpg.finish();
  })().catch((error: unknown) => {
    failure = error;
    gpg.kill();
  });
  try {
    yield* gpg.stdout;
    await feed;
    if (failure !== undefined) throw failure as Error;
  } finally {
    gpg.kill();
  }
}
