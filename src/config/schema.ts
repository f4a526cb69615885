/**
 * Every setting of the program: one row each, from which the reader, the flags, the man page and the configuration reference are made.
 */
import { availableParallelism } from 'node:os';
import * as value from './values.js';

const KIB = 1024;
const MIB = 1024 * KIB;

export type Section = 'b2' | 'encryption' | 'machine' | 'line' | 'archive' | 'reports' | 'backuppc';

export interface Setting<T> {
  readonly section: Section;
  /** undefined: no flag (secrets), because `ps` and BackupPC's log show arguments. */
  readonly flag: string | undefined;
  readonly short?: string;
  readonly env?: string;
  readonly kind: value.ValueKind<T>;
  readonly fallback: T;
  readonly help: string;
  /** The file that holds this must not be readable by others. */
  readonly secret?: true;
}

const setting = <T>(row: Setting<T>): Setting<T> => row;
const none = undefined;

export const SETTINGS = {
  key_id: setting<string | undefined>({
    section: 'b2',
    flag: none,
    env: 'B2_APPLICATION_KEY_ID',
    kind: value.text('ID'),
    fallback: none,
    help: 'application key ID',
  }),
  application_key: setting({
    section: 'b2',
    flag: none,
    env: 'B2_APPLICATION_KEY',
    kind: value.optional(value.secret()),
    fallback: none,
    secret: true,
    help: 'application key (secret)',
  }),
  application_key_file: setting<string | undefined>({
    section: 'b2',
    flag: '--application-key-file',
    kind: value.text('FILE'),
    fallback: none,
    help: 'read the application key from this file',
  }),
  application_key_command: setting<string | undefined>({
    section: 'b2',
    flag: '--application-key-command',
    kind: value.text('COMMAND'),
    fallback: none,
    help: 'read the application key from the output of this command (run by sh)',
  }),
  endpoint: setting({
    section: 'b2',
    flag: '--endpoint',
    env: 'B2_ENDPOINT',
    kind: value.text('URL'),
    fallback: 'https://api.backblazeb2.com',
    help: 'base URL of b2_authorize_account; plain http only to this machine',
  }),
  bucket: setting<string | undefined>({
    section: 'b2',
    flag: '--bucket',
    env: 'B2_BUCKET',
    kind: value.text('NAME'),
    fallback: none,
    help: 'bucket, or a template with {host} and {accountId}',
  }),
  create_bucket: setting({
    section: 'b2',
    flag: '--create-bucket',
    kind: value.toggle(),
    fallback: false,
    help: 'create the bucket (private) if it is missing',
  }),
  prefix: setting({
    section: 'b2',
    flag: '--prefix',
    kind: value.prefix(),
    fallback: '',
    help: 'goes before every object name, such as backuppc/',
  }),
  lock_days: setting<number | undefined>({
    section: 'b2',
    flag: '--lock-days',
    kind: value.integer('DAYS', 1, 36500),
    fallback: none,
    help: 'Object Lock: nobody can delete an archive for this many days',
  }),
  lock_mode: setting<'governance' | 'compliance'>({
    section: 'b2',
    flag: '--lock-mode',
    kind: value.choice('governance', 'compliance'),
    fallback: 'governance',
    help: 'kind of Object Lock',
  }),
  server_side_encryption: setting({
    section: 'b2',
    flag: '--server-side-encryption',
    kind: value.toggle(),
    fallback: false,
    help: 'have B2 encrypt once more on its side (SSE-B2)',
  }),
  cancel_unfinished_days: setting<number | undefined>({
    section: 'b2',
    flag: '--cancel-unfinished-days',
    kind: value.integer('DAYS', 1, 3650),
    fallback: none,
    help: 'lifecycle rule: B2 itself cancels unfinished large files after this many days',
  }),

  passphrase: setting({
    section: 'encryption',
    flag: none,
    env: 'BACKUPPC_B2_PASSPHRASE',
    kind: value.optional(value.secret()),
    fallback: none,
    secret: true,
    help: 'passphrase (secret)',
  }),
  passphrase_file: setting<readonly string[]>({
    section: 'encryption',
    flag: '--passphrase-file',
    kind: value.listOf(value.text('FILE')),
    fallback: [],
    help: 'read a passphrase from the first line of this file; may be given several times',
  }),
  passphrase_command: setting<string | undefined>({
    section: 'encryption',
    flag: '--passphrase-command',
    kind: value.text('COMMAND'),
    fallback: none,
    help: 'read a passphrase from the first line that this command prints (run by sh)',
  }),
  recipient: setting<readonly string[]>({
    section: 'encryption',
    flag: '--recipient',
    kind: value.listOf(value.text('FILE')),
    fallback: [],
    help: 'encrypt to the OpenPGP public key in this file; may be given several times',
  }),
  secret_key_file: setting<readonly string[]>({
    section: 'encryption',
    flag: '--secret-key-file',
    kind: value.listOf(value.text('FILE')),
    fallback: [],
    help: 'restore and verify: OpenPGP secret key of a recipient',
  }),
  signing_key_file: setting<string | undefined>({
    section: 'encryption',
    flag: '--signing-key-file',
    kind: value.text('FILE'),
    fallback: none,
    help: 'with recipients: OpenPGP secret key that signs archives (default: signing-key.asc in the state directory, made if missing)',
  }),
  signer: setting<readonly string[]>({
    section: 'encryption',
    flag: '--signer',
    kind: value.listOf(value.text('FILE')),
    fallback: [],
    help: 'restore and verify: OpenPGP public key of a server that signs archives; may be given several times',
  }),
  most_unproven: setting({
    section: 'encryption',
    flag: '--most-unproven',
    kind: value.integer('N', 1, 1_000_000_000),
    fallback: 100,
    help: 'look at this many archives and manifests in vain, then at no more: somebody fills the bucket with forgeries',
  }),
  openpgp_profile: setting<'librepgp' | 'rfc4880' | 'rfc9580'>({
    section: 'encryption',
    flag: '--openpgp-profile',
    kind: value.choice('librepgp', 'rfc4880', 'rfc9580'),
    fallback: 'librepgp',
    help: 'message format: who can read it, and how fast it is',
  }),
  openpgp_aead: setting<'ocb' | 'gcm'>({
    section: 'encryption',
    flag: '--openpgp-aead',
    kind: value.choice('ocb', 'gcm'),
    fallback: 'ocb',
    help: 'AEAD of profile rfc9580',
  }),
  s2k_bytes: setting({
    section: 'encryption',
    flag: '--s2k-bytes',
    kind: value.bytes(1024, 65_011_712, '64M'),
    fallback: 65_011_712,
    help: 'bytes hashed to turn a passphrase into a key (S2K count), once per run',
  }),

  workers: setting({
    section: 'machine',
    flag: '--workers',
    kind: value.integer('N', 1, 256),
    fallback: availableParallelism(),
    help: 'worker threads that compress and encrypt (default: number of CPUs)',
  }),
  memory: setting<number | undefined>({
    section: 'machine',
    flag: '--memory',
    kind: value.bytes(16 * MIB, 1024 * 1024 * MIB, '64M'),
    fallback: none,
    help: 'what the program may allocate beyond Node itself: buffers and heaps (default: 68M, and 16M for each worker, of which no more is used than about six connections need; what you set is used whole)',
  }),
  part_size: setting<number | undefined>({
    section: 'machine',
    flag: '--part-size',
    // B2 takes 5 GB; a part is one buffer, and one piece of an OpenPGP packet, which ends below 2 GiB.
    kind: value.bytes(5 * MIB, 2000 * MIB, '8M'),
    fallback: none,
    help: 'size of a B2 part (default: fits the memory budget, 5 to 16 MiB)',
  }),
  connections: setting<number | 'auto'>({
    section: 'machine',
    flag: '--connections',
    kind: value.autoOr(value.integer('N', 1, 512)),
    fallback: 'auto',
    help: 'uploads at once; auto finds out',
  }),
  patience: setting({
    section: 'machine',
    flag: '--patience',
    kind: value.duration(),
    fallback: 15 * 60_000,
    help: 'how long nothing may get through to B2 before the run gives up, and three times as long while B2 says it is busy (default: 15m)',
  }),
  state_dir: setting<string | undefined>({
    section: 'machine',
    flag: '--state-dir',
    env: 'BACKUPPC_B2_STATE_DIR',
    kind: value.text('DIR'),
    fallback: none,
    help: 'where journals live (default: the archive destination, or /var/lib/backuppc-b2)',
  }),
  spool: setting<{ readonly directory: string; readonly bytes: number } | undefined>({
    section: 'machine',
    flag: '--spool',
    kind: value.spool(),
    fallback: none,
    help: 'let sealed parts wait on disk, so that tarCreate is done early',
  }),

  bwlimit: setting({
    section: 'line',
    flag: '--bwlimit',
    kind: value.text('RATE'),
    fallback: 'off',
    help: 'upload limit: 8Mbit, 1M, off, a timetable, or auto[:MIN-MAX]',
  }),
  bwlimit_file: setting<string | undefined>({
    section: 'line',
    flag: '--bwlimit-file',
    kind: value.text('FILE'),
    fallback: none,
    help: 'read the limit from this file, again whenever it changes',
  }),

  compress: setting<string | undefined>({
    section: 'archive',
    flag: '--compress',
    kind: value.text('CODEC[:LEVEL]'),
    fallback: none,
    help: 'none, gzip, zstd, bzip2, xz or lz4, with a level; overrides BackupPC. With reuse also auto: the level of gzip or zstd follows the line',
  }),
  split_size: setting<number | undefined>({
    section: 'archive',
    flag: '--split-size',
    kind: value.splitBytes(100 * KIB, 10 ** 13, '10G'),
    fallback: none,
    help: 'bytes per volume, 0 = one object; overrides BackupPC',
  }),
  index: setting({
    section: 'archive',
    flag: '--no-index',
    kind: value.toggle(),
    fallback: true,
    help: 'write no member index (in the file: index = false); then even one file is restored by reading the whole archive',
  }),
  reuse: setting({
    section: 'archive',
    flag: '--reuse',
    kind: value.toggle(),
    fallback: false,
    help: 'many small volumes, cut by content: what an earlier archive of the host has is copied inside B2, not sent',
  }),
  reuse_volume: setting<number | undefined>({
    section: 'archive',
    flag: '--reuse-volume',
    kind: value.bytes(64 * KIB, 1024 * MIB, '1M'),
    fallback: none,
    help: 'with reuse: about how large a volume is (default: 512K, more for archives of more than 10 GB)',
  }),
  reuse_max_age: setting({
    section: 'archive',
    flag: '--reuse-max-age',
    kind: value.integer('DAYS', 1, 36500),
    fallback: 180,
    help: 'with reuse: what was sent longer ago is sent again, a little with each archive',
  }),
  allow_partial: setting({
    section: 'archive',
    flag: '--allow-partial',
    kind: value.toggle(),
    fallback: false,
    help: 'finish an incomplete archive as partial',
  }),
  again: setting({
    section: 'archive',
    flag: '--again',
    kind: value.toggle(),
    fallback: false,
    help: 'send the archive again although it is complete in B2; the older one is deleted once the new one is complete',
  }),
  on_disconnect: setting<'continue' | 'stop'>({
    section: 'archive',
    flag: '--on-disconnect',
    kind: value.choice('continue', 'stop'),
    fallback: 'continue',
    help: 'what to do when BackupPC stops listening',
  }),
  deadline: setting<number | undefined>({
    section: 'archive',
    flag: '--deadline',
    kind: value.duration(),
    fallback: none,
    help: 'stop cleanly after this time; the next run resumes',
  }),

  log_format: setting<'text' | 'json'>({
    section: 'reports',
    flag: '--log-format',
    kind: value.choice('text', 'json'),
    fallback: 'text',
    help: 'log lines as text or as JSON',
  }),
  syslog: setting({
    section: 'reports',
    flag: '--syslog',
    kind: value.toggle(),
    fallback: false,
    help: 'log to syslog too (facility local6)',
  }),
  metrics_file: setting<string | undefined>({
    section: 'reports',
    flag: '--metrics-file',
    kind: value.text('FILE'),
    fallback: none,
    help: 'keep figures here in the text format of Prometheus',
  }),
  on_start: setting<string | undefined>({
    section: 'reports',
    flag: '--on-start',
    kind: value.text('COMMAND'),
    fallback: none,
    help: 'run by sh before an archive, with host, number and bucket in JSON on its standard input',
  }),
  on_success: setting<string | undefined>({
    section: 'reports',
    flag: '--on-success',
    kind: value.text('COMMAND'),
    fallback: none,
    help: 'run by sh after an archive, with a summary in JSON on its standard input',
  }),
  on_failure: setting<string | undefined>({
    section: 'reports',
    flag: '--on-failure',
    kind: value.text('COMMAND'),
    fallback: none,
    help: 'the same after a failed or partial archive, and where it could not begin',
  }),
  verbose: setting({
    section: 'reports',
    flag: '--verbose',
    short: '-v',
    kind: value.toggle(),
    fallback: false,
    help: 'say more',
  }),
  quiet: setting({
    section: 'reports',
    flag: '--quiet',
    short: '-q',
    kind: value.toggle(),
    fallback: false,
    help: 'say only what went wrong',
  }),

  backuppc_data: setting({
    section: 'backuppc',
    flag: '--backuppc-data',
    kind: value.text('DIR'),
    fallback: '/var/lib/backuppc',
    help: "BackupPC's data directory (its records of a backup's size are read)",
  }),
  backuppc_config: setting({
    section: 'backuppc',
    flag: '--backuppc-config',
    kind: value.text('DIR'),
    fallback: '/etc/backuppc',
    help: "BackupPC's configuration directory (ClientTimeout is read)",
  }),
} as const;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S> = S extends Setting<infer T> ? T : never;

export type Config = { readonly [K in SettingName]: ValueOf<(typeof SETTINGS)[K]> } & {
  /** Settings that a flag, the environment or the file has set; all others have their default. */
  readonly given: ReadonlySet<SettingName>;
  /** The file that was read. */
  readonly file: string | undefined;
};

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];
