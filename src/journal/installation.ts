/**
 * Who this installation is. What it archives carries its ID, so that two servers with one bucket and a host of the same name do not
 * replace each other's archives; its secret authenticates what it says there of itself.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { link, lstat, readdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorCode, Failure } from '../errors.js';
import { localFailure, readOwnFile, syncDirectory } from '../own-files.js';
import { TEMPORARY_SUFFIX, writeTemporary } from '../replace-file.js';
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

/** The installation that keeps its journals in this directory; made when it is first asked for. @throws Failure `local` */
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
    // A link, not a rename: of two runs that begin at the same moment one makes the installation, and both are it.
    await link(temporary, path);
  } catch (thrown) {
    // The other one was there first, and may have removed our temporary file as well.
    if (!['EEXIST', 'ENOENT'].includes(errorCode(thrown) ?? '')) throw localFailure('write', path, thrown);
  } finally {
    if (temporary !== undefined) await unlink(temporary).catch(() => undefined);
  }
  await syncDirectory(dirname(path));
  const stored = await readInstallation(path);
  if (stored === undefined) throw new Failure('local', `${path} has gone`);
  return parse(stored.toString('utf8'), path);
}

/** Between the link and the end of the temporary file it has two names: while another run makes it, or since one was killed there. */
async function readInstallation(path: string): Promise<Buffer | undefined> {
  const links = (await lstat(path).catch(() => undefined))?.nlink ?? 0;
  if (links > 1) await removeTemporaries(path);
  return readOwnFile(path);
}

async function removeTemporaries(path: string): Promise<void> {
  for (const name of await readdir(dirname(path)))
    if (name.startsWith(`${INSTALLATION_FILE}.`) && name.endsWith(TEMPORARY_SUFFIX))
      await unlink(join(dirname(path), name)).catch(() => undefined);
}

function parse(text: string, path: string): Installation {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  if (typeof json === 'object' && json !== null && 'id' in json && 'secret' in json) {
    const { id, secret } = json;
    if (isHex(id, ID_BYTES) && isHex(secret, SECRET_BYTES)) return { id, secret };
  }
  throw new Failure('local', `${path} does not say who this installation is`, {
    hint: 'put it back from a backup; without it, archives made so far count as those of another installation',
  });
}

function isHex(value: unknown, bytes: number): value is string {
  return typeof value === 'string' && new RegExp(`^[0-9a-f]{${2 * bytes}}$`).test(value);
}

/** What a manifest's file info says of the settings an archive was made with: whether they are the same, and nothing else. */
export interface SettingsMark {
  readonly share: string;
  readonly rest: string;
}

/** Sizes of parts and volumes follow the machine's memory, the compressor what is installed: they change nothing that is read back. */
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
