/** The context of the commands on the real B2, opened as far as a command needs it. */
import { join } from 'node:path';
import { accountFacts, type AccountFacts } from '../b2/account-facts.js';
import { parseLimitSpec } from '../bandwidth/limit.js';
import { Search } from '../catalog/search.js';
import { systemClock } from '../clock.js';
import type { Config } from '../config/schema.js';
import { readApplicationKey, readKeyFiles } from '../config/secrets.js';
import { Failure } from '../errors.js';
import { openMessage } from '../openpgp/reader.js';
import { openWithGpg } from '../restore/gpg.js';
import type { OpenVolume } from '../restore/stream-reader.js';
import { byTime, readHistory, remember } from '../reporting/history.js';
import { forgetVolumes, knownPath } from '../reuse/known-volumes.js';
import { createSealer } from '../sealing/sealer.js';
import { openB2 } from '../b2/open.js';
import { patienceOf, SHORT_PATIENCE, type Patience } from '../b2/retry/retry.js';
import type { ObjectStore } from '../store.js';
import type { RunEvent } from '../events.js';
import { PROGRAM } from '../version.js';
import { defaultStateDirectory, ROOT_STATE_DIRECTORY, USER_STATE_DIRECTORY } from './archive.js';
import { archiveDestinations } from './run/backuppc-facts.js';
import type { OpenBucket } from './context.js';
import { doctorChecks } from './doctor/doctor-checks.js';
import { ArchiveJudge, hasKeys } from './evidence.js';
import { runsHere } from './run/live-runs.js';
import { environmentWarnings } from './run/first-lines.js';
import { rangesOf, Readers } from './open-reader.js';
import { rehearse, type Rehearsed } from './doctor/rehearsal.js';
import { sayIfSlow } from './slow-answer.js';
import { quietTerminal, terminal } from './terminal.js';
import type { CompanionContext } from './wiring.js';

export async function openContext(config: Config): Promise<CompanionContext> {
  for (const warning of environmentWarnings(process.env)) terminal.note(`${PROGRAM}: warning: ${warning}`);
  const stop = new AbortController();
  const buckets = new Buckets(config, stop.signal);
  const readers = new Readers(config);
  const onSignal = (signal: NodeJS.Signals): void => {
    stop.abort(new Failure('interrupted', `stopped by ${signal}`));
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const directories = await journalDirectories(config);
  const runs = await runsHere(directories, (directory, code) => {
    terminal.note(
      `${PROGRAM}: cannot look into ${directory} (${code}): what is unfinished counts as running; the user that BackupPC runs as can tell`,
    );
  });
  const search = new Search(config.most_unproven);
  const context: CompanionContext = {
    config,
    clock: systemClock,
    out: config.quiet ? quietTerminal : terminal,
    prefix: config.prefix,
    program: PROGRAM,
    endpoint: config.endpoint,
    signal: stop.signal,
    ranges: rangesOf(config),
    ...runs,
    search,
    judge: new ArchiveJudge({ config, directories, keys: async () => (await readers.keys()).keys, search }),
    openBuckets: (host) => buckets.of(host),
    history: async () => (await Promise.all([...new Set(directories)].map(readHistory))).flat().sort(byTime),
    remember: (record) => remember(directories[0] ?? defaultStateDirectory(), record).catch(() => undefined),
    distrust: ({ bucket, archive: { host } }, sha1s) =>
      distrust(directories, { host, bucket: bucket.name }, sha1s),
    archiveReader: (located, manifest) => readers.readerOf(located, manifest),
    dataReader: (located, manifest) => readers.dataReaderOf(located, manifest),
    doctorChecks: ({ rehearsal, archiveHost }) =>
      Promise.resolve(
        doctorChecks({
          config,
          context,
          archiveHost,
          rehearsal,
          probes: {
            account: () => buckets.facts(),
            isOurBucket: (name, facts) => bucketPattern(buckets.template, facts.accountId).test(name),
            limit: steadyLimit(config),
            history: () => context.history(),
            rehearse: () => rehearseFor(config, { buckets, readers, signal: stop.signal }),
          },
        }),
      ),
    async close() {
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      await readers.close();
      await buckets.close();
    },
  };
  return context;
}

/** Where runs of this machine keep their journals, whichever user they belong to. */
async function journalDirectories(config: Config): Promise<string[]> {
  if (config.state_dir !== undefined) return [config.state_dir];
  // Without state_dir, each archive host keeps its journals in its own ArchiveDest.
  return [
    defaultStateDirectory(),
    ROOT_STATE_DIRECTORY,
    // The home of BackupPC's user is BackupPC's data directory.
    join(config.backuppc_data, USER_STATE_DIRECTORY),
    ...(await archiveDestinations(config.backuppc_config)),
  ];
}

/** Reports only long pauses, with the reason. */
const NOTICED_PAUSE_MS = 1000;

export function tellRetries(event: RunEvent): void {
  if (event.type !== 'retry' || event.pauseMs < NOTICED_PAUSE_MS) return;
  terminal.note(`backuppc-b2: ${event.reason}; retrying in ${Math.round(event.pauseMs / 1000)} s`);
}

/** The configured bucket, or one per host if its name contains `{host}`. */
class Buckets {
  readonly #config: Config;
  /** Ends every call to B2, including the login. */
  readonly #signal: AbortSignal;
  readonly #open = new Map<string, Promise<OpenBucket>>();

  constructor(config: Config, signal: AbortSignal) {
    this.#config = config;
    this.#signal = signal;
  }

  get template(): string {
    const { bucket } = this.#config;
    if (bucket === undefined) {
      throw new Failure('config', 'no bucket is configured', {
        hint: 'set bucket in the configuration, or give --bucket',
      });
    }
    return bucket;
  }

  async of(host: string | undefined): Promise<OpenBucket[]> {
    if (!this.template.includes('{host}')) return [await this.#named(this.template)];
    const facts = await this.facts();
    if (facts.buckets === undefined) {
      throw new Failure(
        'denied',
        'the application key may not list buckets, so the bucket of each host cannot be found',
        {
          hint: 'use a key with the capability listBuckets',
        },
      );
    }
    // Two hosts can share a bucket name (a.b and a-b): the listing tells whose archives are in it.
    const pattern = bucketPattern(this.template, facts.accountId, host);
    const names = facts.buckets.map(({ name }) => name).filter((name) => pattern.test(name));
    return Promise.all(names.map((name) => this.#named(name)));
  }

  async facts(): Promise<AccountFacts> {
    const { keyId, key } = await readApplicationKey(this.#config);
    return this.#noticed(
      accountFacts({
        endpoint: this.#config.endpoint,
        keyId,
        key: key.reveal(),
        userAgent: PROGRAM,
        signal: this.#signal,
        emit: tellRetries,
      }),
    );
  }

  #noticed<T>(answer: Promise<T>): Promise<T> {
    return sayIfSlow(terminal, `backuppc-b2: B2 (${this.#config.endpoint})`, answer);
  }

  #named(name: string): Promise<OpenBucket> {
    const known = this.#open.get(name);
    if (known !== undefined) return known;
    const patience = patienceOf(this.#config.patience);
    const opened = this.#openB2(name, this.#signal, patience).then((store) => ({ name, store }));
    this.#open.set(name, opened);
    return opened;
  }

  /** A store that no signal ends, nor waits for long: the caller closes it. */
  async openForRemoval(name: string): Promise<ObjectStore> {
    return await this.#openB2(name, undefined, SHORT_PATIENCE);
  }

  async #openB2(bucket: string, signal: AbortSignal | undefined, patience: Patience): Promise<ObjectStore> {
    const { keyId, key } = await readApplicationKey(this.#config);
    const { endpoint, prefix } = this.#config;
    return this.#noticed(
      openB2({
        endpoint,
        keyId,
        key: key.reveal(),
        bucket,
        namePrefix: prefix,
        patience,
        // A user may be waiting for it.
        loginPatience: SHORT_PATIENCE,
        signal,
        emit: tellRetries,
        userAgent: PROGRAM,
      }),
    );
  }

  async close(): Promise<void> {
    for (const outcome of await Promise.allSettled([...this.#open.values()])) {
      if (outcome.status === 'fulfilled') await outcome.value.store.close();
    }
  }
}

/** In every state directory of this machine that knows the host's volumes. */
async function distrust(
  directories: readonly string[],
  place: { host: string; bucket: string },
  sha1s: ReadonlySet<string>,
): Promise<number> {
  let volumes = 0;
  for (const directory of new Set(directories))
    volumes += await forgetVolumes(knownPath(directory, place), sha1s);
  return volumes;
}

/** The older scripts cut their bucket names to this length. */
const CUT_AT = 50;

/** Bucket names that a template can produce, in any case, including the cut ones of the older scripts. */
export function bucketPattern(template: string, accountId: string, host?: string): RegExp {
  const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const filled = template.replaceAll('{accountId}', accountId);
  if (host !== undefined) {
    const name = filled.replaceAll('{host}', host.replace(/[^A-Za-z0-9-]/g, '-'));
    return new RegExp(`^(${literal(name)}|${literal(name.slice(0, CUT_AT))})$`, 'i');
  }
  return new RegExp(`^${filled.split('{host}').map(literal).join('.+')}$`, 'i');
}

/** The limit in bytes per second if it is constant; undefined otherwise. */
export function steadyLimit(config: Config): number | undefined {
  if (config.bwlimit_file !== undefined) return undefined;
  const spec = parseLimitSpec(config.bwlimit);
  return spec.kind === 'fixed' ? spec.rate : undefined;
}

async function rehearseFor(
  config: Config,
  { buckets, readers, signal }: { buckets: Buckets; readers: Readers; signal: AbortSignal },
): Promise<Rehearsed> {
  const [bucket] = await buckets.of(undefined);
  if (bucket === undefined) throw new Failure('config', 'there is no bucket to rehearse in');
  const canOpen = hasKeys(config) || config.recipient.length === 0;
  const [opening, files] = await Promise.all([
    canOpen ? readers.keys() : undefined,
    readKeyFiles(config.recipient),
  ]);
  const passphrases = opening?.passphrases ?? [];
  const sealer = await createSealer({
    workers: 1,
    profile: config.openpgp_profile,
    aead: config.openpgp_aead,
    partBytes: 4 * 1024 * 1024,
    passwords: passphrases,
    recipients: files,
    s2kOctets: config.s2k_bytes,
  });
  try {
    const [passphrase] = passphrases;
    const openers: (readonly [string, OpenVolume])[] =
      opening === undefined ? [] : [['this program', (sealed) => openMessage(sealed, opening.keys)]];
    if (passphrase !== undefined && config.openpgp_profile !== 'rfc9580') {
      openers.push(['gpg', (sealed, signal) => openWithGpg(sealed, { passphrase, signal })]);
    }
    return await rehearse({
      store: bucket.store,
      sealer,
      prefix: config.prefix,
      signal,
      openForRemoval: () => buckets.openForRemoval(bucket.name),
      openers,
      recipients: files.length,
    });
  } finally {
    await sealer.close();
  }
}
