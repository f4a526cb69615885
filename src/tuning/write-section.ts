/** Writes the measured settings into the configuration file: atomically, its owner and mode kept. */
import { constants } from 'node:fs';
import { access, readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { replaceFile } from '../replace-file.js';
import { asFailure, errorCode, Failure } from '../errors.js';

/** It holds no secret yet; with one, the reader demands 0640. */
const NEW_FILE_MODE = 0o644;

/** @returns undefined where there is no such file yet */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw new Failure('config', `cannot read ${path}: ${codeOf(error)}`, { cause: error });
  }
}

/** Checked before an hour is spent measuring. @throws Failure `config` */
export async function checkWritable(path: string): Promise<void> {
  const directory = dirname(await target(path));
  try {
    await access(directory, constants.W_OK);
  } catch (error) {
    throw new Failure('config', `cannot write ${path}: ${codeOf(error)} in ${directory}`, {
      hint: 'run it as root, or --write FILE writes to a file of your own',
      cause: error,
    });
  }
}

/** A reader sees the old text or the new one. A link stays a link. @throws Failure `local` */
export async function replaceText(path: string, text: string): Promise<void> {
  const real = await target(path);
  try {
    const before = await stat(real).catch(() => undefined);
    const keepsOwner = before !== undefined && process.getuid?.() === 0;
    await replaceFile(real, text, {
      ...(keepsOwner ? { user: before } : {}),
      mode: (before?.mode ?? NEW_FILE_MODE) & 0o7777,
    });
  } catch (error) {
    throw new Failure('local', `cannot write ${path}: ${asFailure(error).message}`, { cause: error });
  }
}

async function target(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

function codeOf(error: unknown): string {
  return errorCode(error) ?? String(error);
}
