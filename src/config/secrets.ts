/** Reads secrets from a file, a command or the environment, as configured; never from an argument. */
import { execFile, type ExecFileException } from 'node:child_process';
import { promisify } from 'node:util';
import { Failure } from '../errors.js';
import type { Config } from './schema.js';
import { Secret } from './secret.js';
import { readTrusted, trustCommand } from './trusted-file.js';
import { secretLine, secretLineOfVersion1, unfitForSealing } from './secret-line.js';

const COMMAND_TIMEOUT_MS = 60_000;

/** What a source returned, before the first line is taken. */
interface Given {
  /** `passphrase file /etc/…`, for messages. */
  readonly source: string;
  readonly kind: 'text' | 'lines';
  readonly contents: Uint8Array;
}

/** Key ID and application key. @throws Failure `config` naming the ways to give them. */
export async function readApplicationKey(config: Config): Promise<{ keyId: string; key: Secret }> {
  const hint =
    'set key_id and application_key_file in the configuration, or B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY';
  if (config.key_id === undefined)
    throw new Failure('config', 'no B2 application key ID is configured', { hint });
  const given = await givenKey(config);
  if (given === undefined) throw new Failure('config', 'no B2 application key is configured', { hint });
  const key = secretLine(given.contents);
  if (key.length === 0) throw new Failure('config', `the ${given.source} gave an empty first line`);
  // It goes into a header. B2's keys consist of letters, digits, + and /.
  if (key.some((octet) => octet <= 0x20 || octet >= 0x7f))
    throw new Failure('config', `the ${given.source} gave characters that no application key has`);
  return { keyId: config.key_id, key: new Secret(key) };
}

async function givenKey(config: Config): Promise<Given | undefined> {
  const { application_key: key, application_key_file: file, application_key_command: command } = config;
  if (key !== undefined) return { source: 'setting application_key', kind: 'text', contents: key.octets() };
  if (file !== undefined) return fromFile(file, 'application key', 'application_key_command');
  if (command !== undefined) return await fromCommand(command, 'application key');
  return undefined;
}

/**
 * All configured passphrases, to seal with. May be empty if there are recipients.
 * @throws Failure `config`, also for one that could not be used to restore
 */
export async function readPassphrases(config: Config): Promise<Secret[]> {
  const given = await givenPassphrases(config);
  return given.map(({ source, contents }) => {
    const unfit = unfitForSealing(contents);
    if (unfit === undefined) return new Secret(secretLine(contents));
    throw new Failure('config', `the ${source} ${unfit}`);
  });
}

/** All configured passphrases, to open with, also in the form that version 1.0 would have used. */
export async function readOpeningPassphrases(config: Config): Promise<Secret[]> {
  const given = await givenPassphrases(config);
  const forms = (form: (given: Given) => Uint8Array): Uint8Array[] =>
    given.map(form).filter(({ length }) => length > 0);
  const now = forms(({ contents }) => secretLine(contents));
  const before = forms(({ contents, kind }) => secretLineOfVersion1(contents, kind));
  const known = new Set<string>();
  const distinct = [...now, ...before].filter((octets) => {
    const hex = Buffer.from(octets).toString('hex');
    return !known.has(hex) && known.add(hex);
  });
  const [empty] = given;
  if (distinct.length === 0 && empty !== undefined)
    throw new Failure('config', `the ${empty.source} gave an empty first line`);
  return distinct.map((octets) => new Secret(octets));
}

async function givenPassphrases(config: Config): Promise<Given[]> {
  const { passphrase, passphrase_file: files, passphrase_command: command } = config;
  const given: Given[] = [];
  if (passphrase !== undefined)
    given.push({ source: 'setting passphrase', kind: 'text', contents: passphrase.octets() });
  for (const file of files) given.push(fromFile(file, 'passphrase', 'passphrase_command'));
  if (command !== undefined) given.push(await fromCommand(command, 'passphrase'));
  return given;
}

/** Public or secret OpenPGP keys: file contents, named by their path. @throws Failure `config` */
export function readKeyFiles(paths: readonly string[]): Promise<{ name: string; contents: Uint8Array }[]> {
  return Promise.resolve().then(() =>
    paths.map((path) => ({ name: path, contents: readTrusted(path, { what: 'key file', secret: false }) })),
  );
}

function fromFile(path: string, what: string, command: string): Given {
  const source = `${what} file`;
  return {
    source: `${source} ${path}`,
    kind: 'lines',
    contents: readTrusted(path, { what: source, secret: true, command }),
  };
}

async function fromCommand(command: string, what: string): Promise<Given> {
  trustCommand(command, `${what} command`);
  try {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], {
      timeout: COMMAND_TIMEOUT_MS,
      encoding: 'buffer',
    });
    return { source: `${what} command`, kind: 'lines', contents: stdout };
  } catch (error) {
    const status = (error as ExecFileException).code ?? 'unknown';
    // Neither its output nor the command's text belongs in a log.
    throw new Failure('config', `the ${what} command failed with status ${status}`);
  }
}
