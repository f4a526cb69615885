/**
 * The identity of this installation. Its archives carry its ID, so that two servers with one bucket and a host of the same name do not
 * replace each other's archives. Its secret authenticates the marks that it leaves there.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { link, lstat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as v from 'valibot';
import { errorCode, Failure } from '../errors.js';
import { localFailure, readOwnFile, syncDirectory } from '../own-files.js';
import { temporariesOf, writeTemporary } from '../replace-file.js';
import { hexOf } from './fields.js';
import { keyFingerprint, type KeyMaterial } from './identity.js';
import { COMPRESSED_BY, type ShapingOptions } from './records.js';

export const INSTALLATION_FILE = 'backuppc-b2-installation.json';
const FORMAT = 'backuppc-b2-installation/1';
const ID_BYTES = 8;
const SECRET_BYTES = 32;

export interface Installation {
  /** In hex. */
  readonly id: string;
  /** In hex. It never leaves this machine. */
  readonly secret: string;
}

const installation = v.object({ id: hexOf(2 * ID_BYTES), secret: hexOf(2 * SECRET_BYTES) });

/** The installation that keeps its journals in this directory, created on first use. @throws Failure `local` */
export async function openInstallation(directory: string): Promise<Installation> {
  const path = join(directory, INSTALLATION_FILE);
  const known = await readInstallation(path);
  if (known !== undefined) return parse(known.toString('utf8'), path);
  const made: Installation = {
    id: randomBytes(ID_BYTES).toString('hex'),
    secret: randomBytes(SECRET_BYTES).toString('hex'),
  };
  let temporary: string | undefined;
  try {
    temporary = await writeTemporary(path, Buffer.from(`${JSON.stringify({ format: FORMAT, ...made })}\n`));
    // A link, not a rename: if two runs start at the same moment, one creates the installation and both use it.
    await link(temporary, path);
  } catch (thrown) {
    // The other run was first, and may also have removed our temporary file.
    if (!['EEXIST', 'ENOENT'].includes(errorCode(thrown) ?? '')) throw localFailure('write', path, thrown);
  } finally {
    if (temporary !== undefined) await unlink(temporary).catch(() => undefined);
  }
  await syncDirectory(dirname(path));
  const stored = await readInstallation(path);
  if (stored === undefined) throw new Failure('local', `${path} has gone`);
  return parse(stored.toString('utf8'), path);
}

/** The file has two names between the link and the removal of the temporary file: while a run creates it, or if one was killed there. */
async function readInstallation(path: string): Promise<Buffer | undefined> {
  const links = (await lstat(path).catch(() => undefined))?.nlink ?? 0;
  if (links > 1)
    for (const temporary of await temporariesOf(path)) await unlink(temporary).catch(() => undefined);
  return readOwnFile(path);
}

function parse(text: string, path: string): Installation {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const parsed = v.safeParse(installation, json);
  if (parsed.success) return parsed.output;
  throw new Failure('local', `${path} does not say who this installation is`, {
    hint: 'put it back from a backup; without it, archives made so far count as those of another installation',
  });
}

/** A mark in a manifest's file info that tells only whether two archives were made with the same settings. */
export interface SettingsMark {
  readonly share: string;
  readonly rest: string;
}

/** Not part of the mark: sizes depend on the machine's memory, the compressor on what is installed, and neither changes what is restored. */
const NO_SETTING_OF_THE_ARCHIVE: ReadonlySet<string> = new Set([
  'part size',
  'size of volumes',
  COMPRESSED_BY,
  'share',
]);

export async function settingsMark(
  { secret }: Installation,
  options: ShapingOptions,
  keys: KeyMaterial,
): Promise<SettingsMark> {
  const mark = (...what: readonly unknown[]): string =>
    createHmac('sha256', Buffer.from(secret, 'hex')).update(JSON.stringify(what)).digest('hex').slice(0, 16);
  const shaping = Object.entries(options)
    .filter(([name]) => !NO_SETTING_OF_THE_ARCHIVE.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    share: mark('share', options['share'] ?? ''),
    rest: mark('settings', shaping, await keyFingerprint(keys, secret)),
  };
}

export function encodeMark({ share, rest }: SettingsMark): string {
  return `${share}.${rest}`;
}

export function decodeMark(text: string | undefined): SettingsMark | undefined {
  const [, share, rest] = /^([0-9a-f]{16})\.([0-9a-f]{16})$/.exec(text ?? '') ?? [];
  return share === undefined || rest === undefined ? undefined : { share, rest };
}
