/** Secrets from where the configuration says they are: a file, a command or the environment; never an argument. */
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { Failure } from '../errors.js';
import type { Config } from './schema.js';
import { Secret } from './secret.js';

/** Mode bits that a file with a secret must not have. Reading by the group is how root lends it to BackupPC's user. */
export const OPEN_TO_OTHERS = 0o037;

const COMMAND_TIMEOUT_MS = 60_000;

/** Key ID and application key. @throws Failure `config` naming the ways to give them. */
export async function readApplicationKey(config: Config): Promise<{ keyId: string; key: Secret }> {
  const hint =
    'set key_id and application_key_file in the configuration, or B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY';
  if (config.key_id === undefined)
    throw new Failure('config', 'no B2 application key ID is configured', { hint });
  const key =
    config.application_key ??
    (config.application_key_file === undefined
      ? undefined
      : await fromFile(config.application_key_file, 'application key')) ??
    (config.application_key_command === undefined
      ? undefined
      : await fromCommand(config.application_key_command, 'application key'));
  if (key === undefined) throw new Failure('config', 'no B2 application key is configured', { hint });
  return { keyId: config.key_id, key };
}

/** All configured passphrases; none is fine where there are recipients. */
export async function readPassphrases(config: Config): Promise<Secret[]> {
  const passphrases: Secret[] = [];
  if (config.passphrase !== undefined) passphrases.push(config.passphrase);
  for (const file of config.passphrase_file) passphrases.push(await fromFile(file, 'passphrase'));
  if (config.passphrase_command !== undefined)
    passphrases.push(await fromCommand(config.passphrase_command, 'passphrase'));
  return passphrases;
}

/** Public or secret OpenPGP keys: file contents, named by their path. @throws Failure `config` */
export async function readKeyFiles(
  paths: readonly string[],
): Promise<{ name: string; contents: Uint8Array }[]> {
  return Promise.all(
    paths.map(async (path) => {
      try {
        return { name: path, contents: await readFile(path) };
      } catch (error) {
        throw new Failure('config', `cannot read the key file ${path}: ${reasonOf(error)}`, { cause: error });
      }
    }),
  );
}

async function fromFile(path: string, what: string): Promise<Secret> {
  let contents: string;
  try {
    const { mode } = await stat(path);
    if ((mode & OPEN_TO_OTHERS) !== 0) {
      throw new Failure('config', `the ${what} file ${path} is open to others`, {
        hint: `chmod 600 ${path}`,
      });
    }
    contents = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure('config', `cannot read the ${what} file ${path}: ${reasonOf(error)}`, { cause: error });
  }
  return firstLine(contents, `${what} file ${path}`);
}

async function fromCommand(command: string, what: string): Promise<Secret> {
  try {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command], { timeout: COMMAND_TIMEOUT_MS });
    return firstLine(stdout, `${what} command`);
  } catch (error) {
    if (error instanceof Failure) throw error;
    const status = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    // Neither its output nor the command's text belongs in a log.
    throw new Failure('config', `the ${what} command failed with status ${status}`);
  }
}

function firstLine(contents: string, source: string): Secret {
  const line = contents.split(/\r?\n/, 1)[0] ?? '';
  if (line === '') throw new Failure('config', `the ${source} gave an empty first line`);
  return new Secret(line);
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
