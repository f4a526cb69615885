/** Opens what a session works with, and closes it again whatever happens. */
import { basename } from 'node:path';
import { openB2 } from '../b2/open.js';
import { patienceOf } from '../b2/retry/retry.js';
import type { Clock } from '../clock.js';
import type { Config } from '../config/schema.js';
import type { Secret } from '../config/secret.js';
import { readApplicationKey } from '../config/secrets.js';
import { Failure } from '../errors.js';
import type { Emit } from '../events.js';
import { loadJournal, type JournalPaths, type LoadedJournal } from '../journal/load.js';
import { Spool } from '../journal/spool.js';
import type { KeyFile } from '../openpgp/recipients.js';
import type { Sealer } from '../sealing/ports.js';
import { createSealer } from '../sealing/sealer.js';
import type { ObjectStore } from '../store.js';
import { PROGRAM } from '../version.js';
import type { LayoutPlan } from './layout-plan.js';
import type { SessionOptions } from './session-options.js';

/** Whatever was opened, in order; closed in reverse. */
export class Closers {
  readonly #closers: (() => Promise<void>)[] = [];

  add<T>(opened: T, close: (opened: T) => Promise<void>): T {
    this.#closers.push(() => close(opened));
    return opened;
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

export async function openSpool(
  { config, emit }: SessionOptions,
  paths: JournalPaths,
  closers: Closers,
): Promise<Spool | undefined> {
  if (config.spool === undefined) return undefined;
  const { directory, bytes: maxBytes } = config.spool;
  const spool = await Spool.open({ directory, maxBytes, archive: basename(paths.journal, '.journal'), emit });
  return closers.add(spool, (opened) => opened.close());
}

export async function loadEarlier(
  paths: JournalPaths,
  clock: Clock,
  emit: Emit,
): Promise<LoadedJournal | undefined> {
  const loaded = await loadJournal(paths, new Date(clock.now()));
  switch (loaded.kind) {
    case 'none':
      return undefined;
    case 'found':
      return loaded.journal;
    case 'set-aside':
      emit({
        type: 'warning',
        message: `the journal of the last run cannot be used (${loaded.reason}); it was set aside as ${loaded.to}, and the archive starts over`,
      });
      return undefined;
  }
}

export async function openSealer(
  config: Config,
  plan: LayoutPlan,
  passphrases: readonly Secret[],
  recipients: readonly KeyFile[],
): Promise<Sealer> {
  if (passphrases.length + recipients.length === 0) {
    throw new Failure('config', 'nothing to encrypt to: neither a passphrase nor a recipient is configured', {
      hint: 'give --passphrase-file FILE, --passphrase-command COMMAND or --recipient FILE',
    });
  }
  return createSealer({
    workers: config.workers,
    profile: config.openpgp_profile,
    aead: config.openpgp_aead,
    partBytes: plan.partBytes,
    passwords: passphrases.map((passphrase) => passphrase.octets()),
    recipients,
    s2kOctets: config.s2k_bytes,
  });
}

export async function openTheStore(
  { config, request, throttle, clock, emit }: SessionOptions,
  bucket: string,
  plan: LayoutPlan,
): Promise<ObjectStore> {
  const { keyId, key } = await readApplicationKey(config);
  return openB2({
    endpoint: config.endpoint,
    keyId,
    key: key.reveal(),
    bucket,
    host: request.host,
    createBucket: config.create_bucket,
    namePrefix: config.prefix,
    needs: ['writeFiles'],
    ...(config.lock_days === undefined ? {} : { lock: { days: config.lock_days, mode: config.lock_mode } }),
    serverSideEncryption: config.server_side_encryption,
    cancelUnfinishedDays: config.cancel_unfinished_days,
    connections: config.connections,
    maxConnections: plan.maxConnections,
    patience: patienceOf(config.patience),
    throttle,
    clock,
    emit,
    userAgent: PROGRAM,
  });
}

/** Opens both at once; when one fails, the other is closed too. */
export async function openBoth(
  closers: Closers,
  sealer: Promise<Sealer>,
  store: Promise<ObjectStore>,
): Promise<[Sealer, ObjectStore]> {
  const [first, second] = await Promise.allSettled([sealer, store]);
  if (first.status === 'fulfilled') closers.add(first.value, (opened) => opened.close());
  if (second.status === 'fulfilled') closers.add(second.value, (opened) => opened.close());
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}
